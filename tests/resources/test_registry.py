"""The registry: systems are found by walking, without Dagster; each has one resource."""

import subprocess
import sys

import pytest
from dagster import Definitions

from resources.registry import (
    MECHANISMS,
    default_resources,
    resource_classes,
    system_of,
    systems,
)
from resources.reviewsio import REVIEWSIO
from resources.saleor import SALEOR
from resources.zoho import ZOHO
from schemabase_dagster.errors import ConfigurationError


def test_all_systems_are_found_by_name():
    known = {"reviewsio": REVIEWSIO, "saleor": SALEOR, "zoho": ZOHO}

    assert known.items() <= systems().items()
    assert list(systems()) == sorted(systems())


def test_every_system_has_a_resource_with_defaults():
    assert set(default_resources()) == set(systems())


def test_resources_are_described_for_the_resource_page():
    for resource in resource_classes().values():
        assert len(resource.__doc__ or "") > 100
        assert all(field.description for field in resource.model_fields.values())


def test_no_resource_has_a_field_for_a_secret():
    names = {name for one in resource_classes().values() for name in one.model_fields}

    assert not {name for name in names if {"token", "secret", "password"} & set(name.split("_"))}


def test_dagster_accepts_them():
    definitions = Definitions(resources=default_resources())

    Definitions.validate_loadable(definitions)


def test_an_unknown_system_is_answered_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=rf"'etsy'.*{', '.join(systems())}"):
        system_of("etsy")


def test_looking_for_systems_does_not_import_dagster():
    script = (
        "import sys; from resources.registry import systems; print(sorted(systems()));"
        "print([name for name in ('dagster', 'pandas', 'httpx') if name in sys.modules])"
    )

    output = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert output == f"{sorted(systems())}\n[]\n"


def test_mechanisms_define_no_system():
    assert not MECHANISMS & set(systems())
