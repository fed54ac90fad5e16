"""Without these, the reference tells of tables, views or streams that are not there."""

from pathlib import Path

import pytest

from assets import registry
from schemabase_dagster.commands import _reference
from schemabase_dagster.migrations.views import FOLDER
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tables import metadata


@pytest.mark.parametrize("name", ["core.md", "analytics.md"])
def test_committed_page_is_what_the_code_says(name: str):
    page = ROOT / "docs" / "reference" / name

    assert page.read_text("utf-8") == _reference.pages()[name], "run 'make docs'"


def test_every_stream_gets_its_section_without_being_listed():
    page = _reference.pages()["streams.md"]

    assert [name for name in registry.streams() if f"## `raw.{name}`" not in page] == []


def test_every_core_table_and_view_gets_its_section():
    pages = _reference.pages()
    tables = [table.name for table in metadata.sorted_tables if table.schema == "core"]
    views = [path.stem for path in FOLDER.glob("*.sql")]

    assert [name for name in tables if f"## `core.{name}`" not in pages["core.md"]] == []
    assert [name for name in views if f"## `analytics.{name}`" not in pages["analytics.md"]] == []


def test_pages_are_written_only_when_they_changed(tmp_path: Path):
    first = _reference.write(tmp_path)
    second = _reference.write(tmp_path)

    assert {page.name for page in first} == {"core.md", "analytics.md", "streams.md"}
    assert second == []
