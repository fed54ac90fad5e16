"""Without these, the reference tells of tables, views or streams that are not there."""

from pathlib import Path

import pytest

from assets import registry
from schemabase_dagster.commands import _reference
from schemabase_dagster.migrations.views import FOLDER
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tables import metadata


@pytest.mark.parametrize("name", list(_reference.pages()))
def test_committed_page_is_what_the_code_says(name: str):
    page = ROOT / "docs" / name

    assert page.exists(), "run 'make docs'"
    assert page.read_text("utf-8") == _reference.pages()[name], "run 'make docs'"


def test_every_stream_stands_on_the_page_of_its_system():
    pages = _reference.pages()

    assert [
        name
        for name, stream in registry.streams().items()
        if f"## `raw.{name}`" not in pages[f"reference/{stream.system.name}.md"]
    ] == []


def test_every_core_table_and_view_is_in_the_dictionary():
    page = _reference.pages()["data-dictionary.md"]
    names = [f"core.{table.name}" for table in metadata.sorted_tables if table.schema == "core"]
    names += [f"analytics.{path.stem}" for path in FOLDER.glob("*.sql")]

    assert [name for name in names if f"## `{name}`" not in page] == []


def test_pages_are_written_only_when_they_changed(tmp_path: Path):
    first = _reference.write(tmp_path)
    second = _reference.write(tmp_path)

    assert {str(page.relative_to(tmp_path)) for page in first} == set(_reference.pages())
    assert second == []


def test_page_of_a_system_that_is_gone_is_removed(tmp_path: Path):
    _reference.write(tmp_path)
    stale = tmp_path / "reference" / "gone.md"
    stale.write_text("old")

    assert _reference.write(tmp_path) == [stale]
    assert not stale.exists()
