"""Rich text of editors, as HTML and as plain text."""

import json

import pytest

from schemabase_dagster.normalise.rich_text import as_html, as_text


def stored(*blocks: tuple[str, object]) -> str:
    return json.dumps({"blocks": [{"type": kind, "data": data} for kind, data in blocks]})


BLOCKS = {
    "paragraph": (("paragraph", {"text": "a <b>b</b>"}), "<p>a <b>b</b></p>"),
    "header": (("header", {"text": "A", "level": 3}), "<h3>A</h3>"),
    "header of no level": (("header", {"text": "A"}), "<h2>A</h2>"),
    "list": (("list", {"style": "unordered", "items": ["a"]}), "<ul><li>a</li></ul>"),
    "numbers": (("list", {"style": "ordered", "items": ["a"]}), "<ol><li>a</li></ol>"),
    "nested list": (("list", {"items": [{"content": "a"}]}), "<ul><li>a</li></ul>"),
    "unknown": (("poll", {"text": "a"}), ""),
}


@pytest.mark.parametrize("what", BLOCKS)
def test_block(what: str):
    block, expected = BLOCKS[what]

    assert as_html(stored(block)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("  ", ""),
        ("{broken", ""),
        ("{}", ""),
        ('{"blocks": [1, {"type": "paragraph"}, {"type": "list", "data": {"items": 1}}]}',
         "<ul></ul>"),
        ("1 < 2 & more", "<p>1 &lt; 2 &amp; more</p>"),
        ("<p>kept</p>", "<p>kept</p>"),
    ],
)  # fmt: skip
def test_other_text(text: str | None, expected: str):
    assert as_html(text) == expected


def test_plain_text_has_capitals_for_headings_marks_for_items_and_lines_of_80():
    markup = (
        "<h1>Title</h1><p>one<br>two &amp; three</p><ul><li>a</li><li>b</li></ul>"
        f"<ol><li>c</li><li>d</li></ol><p>{'word ' * 20}</p><script>no()</script>"
    )

    lines = as_text(markup).split("\n")

    assert lines[:9] == [
        "TITLE", "", "one", "two & three", "", " * a", " * b", " 1. c", " 2. d",
    ]  # fmt: skip
    assert max(map(len, lines)) <= 80
    assert "no()" not in as_text(markup)


def test_text_of_no_markup_is_itself():
    assert as_text(as_html("1 < 2")) == "1 < 2"
