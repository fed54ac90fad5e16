"""Rich text: what editors of shops store, as HTML and as plain text.

Saleor stores the blocks of EditorJS as JSON; an ERP stores HTML or plain text.
"""

import html
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any, Final

from typing_extensions import override

WIDTH: Final = 80
"""Columns of a line of plain text."""

_HEADING = re.compile(r"h[1-6]")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")
_BLANKS = re.compile(r"\s+")

_PARTED: Final = {"p", "div", "ul", "ol", "blockquote", "pre", "table", "figure"}
_HIDDEN: Final = {"script", "style", "head"}


def as_html(stored: str | None) -> str:
    """Return stored rich text as HTML; empty for none and for JSON that cannot be read."""
    text = (stored or "").strip()
    if text.startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            return ""
        blocks = document.get("blocks")
        return "".join(map(_block, blocks)) if isinstance(blocks, list) else ""
    if not text or _MARKUP.search(text):
        return text
    return f"<p>{html.escape(text, quote=False)}</p>"


def as_text(markup: str) -> str:
    """Return HTML as plain text: lines of 80 columns, headings in capitals, lists with marks."""
    parser = _TextParser()
    parser.feed(markup)
    parser.close()
    return parser.text()


def _block(block: Any) -> str:
    if not isinstance(block, Mapping) or not isinstance(block.get("data"), Mapping):
        return ""
    render = _BLOCKS.get(str(block.get("type")))
    return render(block["data"]) if render is not None else ""


def _paragraph(data: Mapping[str, Any]) -> str:
    return f"<p>{_words(data.get('text'))}</p>"


def _header(data: Mapping[str, Any]) -> str:
    level = data.get("level")
    tag = f"h{level if isinstance(level, int) and level in range(1, 7) else 2}"
    return f"<{tag}>{_words(data.get('text'))}</{tag}>"


def _list(data: Mapping[str, Any]) -> str:
    tag = "ol" if data.get("style") == "ordered" else "ul"
    items = data.get("items")
    inside = "".join(f"<li>{_item(each)}</li>" for each in items) if isinstance(items, list) else ""
    return f"<{tag}>{inside}</{tag}>"


def _item(item: Any) -> str:
    # newer versions of the list nest: {content, items}
    return _words(item.get("content") if isinstance(item, Mapping) else item)


def _quote(data: Mapping[str, Any]) -> str:
    return f"<blockquote>{_words(data.get('text'))}</blockquote>"


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


_BLOCKS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "paragraph": _paragraph,
    "header": _header,
    "list": _list,
    "quote": _quote,
    "delimiter": lambda _data: "<br/>",
}


class _TextParser(HTMLParser):
    """Collects the text of each block of a document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[str] = []
        self._words: list[str] = []
        self._prefix = ""
        self._is_heading = False
        self._hidden = 0
        self._lists: list[int | None] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self._words.append("\n")
        elif tag in {"ul", "ol"}:
            self._end_block()
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._end_block()
            self._prefix = self._mark()
        elif tag in _PARTED or _HEADING.fullmatch(tag):
            self._end_block()
            self._is_heading = _HEADING.fullmatch(tag) is not None

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(self._hidden - 1, 0)
        elif tag in {"ul", "ol"}:
            self._end_block()
            if self._lists:
                self._lists.pop()
        elif tag == "li" or tag in _PARTED or _HEADING.fullmatch(tag):
            self._end_block()

    @override
    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(_BLANKS.sub(" ", data))

    def text(self) -> str:
        """Return the text; items of a list follow one another, other blocks are parted."""
        self._end_block()
        joined = ""
        for block in self._blocks:
            is_item = block.startswith(" ")
            parted = "\n" if is_item and joined.rpartition("\n")[2].startswith(" ") else "\n\n"
            joined += (parted if joined else "") + block
        return joined.strip("\n")

    def _mark(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return " * "
        self._lists[-1] += 1
        return f" {self._lists[-1]}. "

    def _end_block(self) -> None:
        text = "".join(self._words)
        prefix, self._prefix = self._prefix, ""
        lines = [line.strip() for line in text.split("\n")]
        if any(lines):
            shown = [line.upper() if self._is_heading else line for line in lines]
            wrapped = "\n".join(
                textwrap.fill(
                    line,
                    WIDTH,
                    initial_indent=prefix,
                    subsequent_indent=" " * len(prefix),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for line in shown
            )
            self._blocks.append(wrapped)
        self._words, self._is_heading = [], False
