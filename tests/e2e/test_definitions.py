"""The definitions load without environment, database or network, and no asset lacks anything."""

import subprocess
import sys

import dagster as dg
import pytest

from assets import registry
from assets.factory import all_assets
from schemabase_dagster.settings import ROOT

SDK_WARNING = "ignore:Use protection:DeprecationWarning"
"""The official Braintree SDK warns of names of its own when it is imported."""

SPECS = [spec for asset in all_assets() for spec in asset.specs]


def test_definitions_load_in_an_empty_environment():
    program = (
        "from schemabase_dagster.definitions import defs\n"
        "print(len(defs.get_repository_def().asset_graph.get_all_asset_keys()))\n"
        "import sys; assert 'pandas' not in sys.modules, 'every run would pay for it'"
    )

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", SDK_WARNING, "-c", program],
        cwd=ROOT, env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.stderr == ""
    assert int(ran.stdout) == len(SPECS)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key.to_user_string())
def test_asset_has_what_people_look_for(spec: dg.AssetSpec):
    assert spec.owners
    assert spec.group_name
    assert spec.kinds
    assert spec.description
    assert spec.partitions_def is not None
    if spec.key.path[0] != "logs":  # delivered elsewhere
        assert spec.metadata["dagster/table_name"] == ".".join(spec.key.path)


def test_all_that_is_described_is_an_asset():
    keys = {spec.key.to_user_string() for spec in SPECS}

    assert keys == (
        {f"raw/{name}" for name in registry.streams()}
        | {f"core/{entity.table.name}" for entity in registry.entities().values()}
        | {f"analytics/{name}" for name in registry.views()}
        | {f"logs/{drain.name}" for drain in registry.drains().values()}
        | {f"platform/{name}" for name in registry.publications()}
    )


def test_every_part_is_named_by_the_stream_that_holds_it():
    streams = registry.streams()
    holders = [(each, streams[each.part.whole]) for each in streams.values() if each.part]

    assert holders
    for stream, whole in holders:
        assert stream in whole.parts
        assert stream.system.name == whole.system.name
        (spec,) = [each for each in SPECS if each.key.path == ["raw", stream.name]]
        assert [dep.asset_key.path for dep in spec.deps] == [["raw", whole.name]]
