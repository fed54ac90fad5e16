"""Without these, the lock, the change log, the help and the import rules drift from the code."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import schemabase_dagster
from resources.registry import MECHANISMS
from schemabase_dagster.settings import ROOT, Settings
from webhook_gateway.settings import GatewaySettings

LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
TARGETS = (
    "demo", "test", "check", "lint", "up", "ui", "latency", "bench", "chaos", "fmt", "lock", "docs",
)  # fmt: skip


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def contract(identifier: str) -> dict[str, Any]:
    contracts: list[dict[str, Any]] = project()["tool"]["importlinter"]["contracts"]
    return next(each for each in contracts if each["id"] == identifier)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock: str):
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
    packages = [block for block in blocks if PIN.match(block)]

    assert len(packages) > 100
    assert [block.splitlines()[0] for block in packages if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_index_and_no_place(lock: str):
    text = (ROOT / lock).read_text()

    assert not re.search(
        r"^\s*--(index-url|extra-index-url|find-links|trusted-host)", text, re.MULTILINE
    )
    assert not re.search(r"\w+://|file:|@ ", text)


def test_both_locks_name_the_same_versions():
    runtime, development = pins("requirements.lock"), pins("requirements-dev.lock")

    assert runtime.items() <= development.items()


def test_lock_holds_every_dependency_of_the_project():
    wanted = {
        re.split(r"[<>=\[ ]", name)[0].lower() for name in project()["project"]["dependencies"]
    }

    assert wanted <= pins("requirements.lock").keys()


def test_dagster_family_moves_in_lockstep():
    versions = pins("requirements-dev.lock")
    minor, patch = versions["dagster"].split(".")[1:]

    assert versions["dagster-webserver"] == versions["dagster-graphql"] == versions["dagster"]
    assert versions["dagster-postgres"] == f"0.{int(minor) + 16}.{patch}"


def test_changelog_begins_with_unreleased_and_ends_at_the_package_version():
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == "Unreleased"
    released = headings[1] if len(headings) > 1 else project()["project"]["version"]
    assert released == schemabase_dagster.__version__ == project()["project"]["version"]


def test_help_explains_every_target():
    shown = subprocess.run(
        ["/usr/bin/make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    for target in TARGETS:
        assert re.search(rf"^  {target} +\w", shown, re.MULTILINE), target


def test_help_is_what_make_shows_by_default():
    shown = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for command in (["/usr/bin/make"], ["/usr/bin/make", "help"])
    ]

    assert shown[0] == shown[1]


def test_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def floors() -> list[set[str]]:
    """Modules of each layer, the roof first."""
    return [
        {name.strip(" ()") for name in layer.split(":")} for layer in contract("floors")["layers"]
    ]


def test_every_module_has_a_floor():
    modules = {
        f"schemabase_dagster.{path.stem}"
        for path in (ROOT / "schemabase_dagster").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    named = {name for floor in floors() for name in floor}

    assert modules - {"schemabase_dagster.__init__"} == {
        name for name in named if name.startswith("schemabase_dagster")
    }


def test_whole_ground_is_kept_from_dagster():
    layers = floors()
    ground = {name for floor in layers[layers.index({"resources"}) + 1 :] for name in floor}

    assert ground | {"webhook_gateway"} == set(contract("ground-without-dagster")["source_modules"])


def test_systems_share_only_what_the_registry_calls_a_mechanism():
    shared = {rule.rpartition(".")[2] for rule in contract("systems")["ignore_imports"]}

    assert shared == MECHANISMS


def test_every_setting_is_documented():
    text = (ROOT / "docs" / "configuration.md").read_text()
    names = [
        *(field.validation_alias or f"SCHEMABASE_{name.upper()}" for name, field in _fields()),
        *(f"GATEWAY_{name.upper()}" for name in GatewaySettings.model_fields),
    ]

    assert [name for name in names if f"`{name}`" not in text] == []


def test_links_of_the_documentation_lead_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_make_and_image_install_nothing_that_is_not_locked():
    installs = [
        line.strip()
        for name in ("Makefile", "deploy/Dockerfile", ".ci/run")
        for line in (ROOT / name).read_text().splitlines()
        if "pip install" in line and not line.strip().endswith("--quiet uv")
    ]

    assert installs
    assert [line for line in installs if not re.search("--require-hashes|--editable", line)] == []


def _fields() -> list[tuple[str, Any]]:
    return list(Settings.model_fields.items())


def test_no_yaml_file_says_a_key_twice():
    """The last one would win without a word, and Docker Compose refuses the file."""
    files = [*ROOT.glob("*.yaml"), *(ROOT / "deploy").rglob("*.yaml")]

    assert ROOT / "deploy" / "compose.yaml" in files
    assert {file: twice for file in files if (twice := _keys_said_twice(file))} == {}


def _keys_said_twice(file: Path) -> list[str]:
    waiting = list(yaml.compose_all(file.read_text(), Loader=yaml.SafeLoader))
    twice = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            twice += [name for name, times in Counter(names).items() if times > 1]
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return twice
