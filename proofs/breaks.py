"""Breaks: the ways in which one line of code can be wrong that still parses, found by its syntax.

A break stands for a slip of an engineer: a condition turned round, a border moved by one, a
statement forgotten, a clause of an SQL statement left out. Imports, annotations, decorators,
docstrings, messages and the wording of comments are no subject: no test should notice those.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_TYPES: Final = {"Literal", "Callable", "Mapping", "Sequence", "Annotated"}
_WORD: Final = re.compile(r"[a-z][a-z_]*")
_IS_SQL: Final = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")

# A whole line that can be left out and leaves a statement that still runs.
_SQL_LINES: Final = (
    re.compile(r"\s*(AND|OR) .*"),
    re.compile(r"\s*ORDER BY .*"),
    re.compile(r"\s*FOR UPDATE SKIP LOCKED"),
    re.compile(r"\s*ON CONFLICT DO NOTHING"),
    re.compile(r"\s*LIMIT %\(\w+\)s"),
    re.compile(r"\s*\w+ = (?!CASE).*,"),
)
_SQL_WORDS: Final = (
    (re.compile(r" AND [^()]*$"), ""),
    (re.compile(r" IS NOT NULL"), " IS NULL"),
    (re.compile(r" IS NULL"), " IS NOT NULL"),
    (re.compile(r"\bNOT EXISTS"), "EXISTS"),
    (re.compile(r"(?<!NOT )\bEXISTS"), "NOT EXISTS"),
    (re.compile(r" OR "), " AND "),
    (re.compile(r" DESC\b"), ""),
    (re.compile(r"\bDISTINCT "), ""),
    (re.compile(r"\bgreatest\("), "least("),
    (re.compile(r"\bleast\("), "greatest("),
    (re.compile(r"\bLEFT JOIN\b"), "JOIN"),
    (re.compile(r" <> "), " = "),
    (re.compile(r" >= "), " > "),
    (re.compile(r" <= "), " < "),
    (re.compile(r" > "), " >= "),
    (re.compile(r" < "), " <= "),
    (re.compile(r" \+ 1\b"), " + 2"),
    (re.compile(r" - 1\b"), " - 2"),
    (re.compile(r"(?<=WHERE )(.*?) = "), r"\1 <> "),
    (re.compile(r"(?<=AND )(.*?) = "), r"\1 <> "),
)


@dataclass(frozen=True, slots=True)
class Break:
    """One line that is wrong.

    Attributes:
        path: the file, relative to the root.
        line: number of the line, 1-based.
        what: what was done to it.
        before: the lines as they were, trimmed.
        after: as they are now, trimmed.
        text: the whole broken file.
    """

    path: str
    line: int
    what: str
    before: str
    after: str
    text: str


def find_breaks(root: Path, path: str) -> dict[int, list[Break]]:
    """Return what can be broken in a file: line -> ways to break it, in order of the source."""
    source = (root / path).read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    found: dict[int, list[Break]] = defaultdict(list)
    for node in _subjects(tree):
        for what, start, end, text in _edits(node, lines):
            broken = _replaced(lines, start, end, text)
            before = _trimmed(lines[start[0] - 1 : end[0]])
            after = _trimmed(broken.splitlines(keepends=True)[start[0] - 1 : end[0]])
            if before != after and _parses(broken):
                found[start[0]].append(Break(path, start[0], what, before, after, broken))
    return dict(sorted(found.items()))


Place = tuple[int, int]
Edit = tuple[str, Place, Place, str]


def _subjects(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that do something when the code runs."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if _is_silent(node):
            continue
        yield node
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "bases"}:
                continue
            if isinstance(node, ast.Dict) and name == "keys":
                continue  # a name that nobody looks up is a crash, not a slip
            children = value if isinstance(value, list) else [value]
            stack.extend(child for child in children if isinstance(child, ast.AST))


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.Assign) and any(_named(t) == "__all__" for t in node.targets):
        return True
    if isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
        return True
    # The texts of an error are for people.
    if isinstance(node, ast.Call) and _named(node.func).endswith(("Error", "Rejected")):
        return True
    return isinstance(node, ast.Subscript) and _named(node.value) in _TYPES


def _named(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _edits(node: ast.AST, lines: list[str]) -> Iterator[Edit]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        is_sql = _IS_SQL.search(node.value)
        yield from _sql_edits(node, lines) if is_sql else _constant_edits(node)
    elif isinstance(node, ast.Constant):
        yield from _constant_edits(node)
    elif isinstance(node, ast.stmt):
        yield from _statement_edits(node)
    elif isinstance(node, ast.BoolOp | ast.UnaryOp | ast.Compare):
        yield from _condition_edits(node)
    elif isinstance(node, ast.expr):
        yield from _expression_edits(node)


def _statement_edits(node: ast.stmt) -> Iterator[Edit]:
    match node:
        case ast.If() | ast.While():
            yield _whole("turn the condition round", node.test, f"not {_bracketed(node.test)}")
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break() | ast.AugAssign():
            yield _whole("leave out the statement", node, "pass")
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield _whole("leave out the statement", node, "pass")
        case ast.Return(value=ast.expr()):
            yield _whole("return nothing", node, "return None")
        case _:
            pass


def _condition_edits(node: ast.BoolOp | ast.UnaryOp | ast.Compare) -> Iterator[Edit]:
    match node:
        case ast.Compare(ops=[compared]):
            turned = ast.Compare(node.left, [_COMPARED[type(compared)]()], node.comparators)
            yield _whole("compare otherwise", node, ast.unparse(turned))
        case ast.BoolOp():
            op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield _whole("join otherwise", node, _bracketed(ast.BoolOp(op, node.values)))
            yield _whole("leave out a condition", node, _bracketed(node.values[0]))
            yield _whole("leave out a condition", node, _bracketed(node.values[-1]))
        case ast.UnaryOp(op=ast.Not()):
            yield _whole("leave out not", node, _bracketed(node.operand))
        case _:
            pass


def _expression_edits(node: ast.expr) -> Iterator[Edit]:
    match node:
        case ast.BinOp() if type(node.op) in _CALCULATED:
            other = ast.BinOp(node.left, _CALCULATED[type(node.op)](), node.right)
            yield _whole("calculate otherwise", node, _bracketed(other))
        case ast.IfExp():
            swapped = ast.IfExp(node.test, node.orelse, node.body)
            yield _whole("swap the two outcomes", node, _bracketed(swapped))
        case ast.Call(args=[first, second, *rest]) if type(first) is type(second):
            call = ast.Call(node.func, [second, first, *rest], node.keywords)
            yield _whole("swap two arguments", node, ast.unparse(call))
        case _:
            pass


def _constant_edits(node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield _whole(f"say {not value}", node, repr(not value))
    elif isinstance(value, int | float):
        yield _whole("another number", node, repr(value + 1))
    elif isinstance(value, str) and _WORD.fullmatch(value):
        yield _whole("another word", node, repr(f"{value}_"))


def _sql_edits(node: ast.Constant, lines: list[str]) -> Iterator[Edit]:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    for number in range(node.lineno, end_line + 1):
        line = lines[number - 1].rstrip("\n")
        begin = node.col_offset if number == node.lineno else 0
        end = end_column if number == end_line else len(line.encode())
        part = line.encode()[begin:end].decode()
        for what, changed in _sql_variants(part):
            yield what, (number, begin), (number, end), changed


def _sql_variants(part: str) -> Iterator[tuple[str, str]]:
    is_whole = part.count("(") == part.count(")") and not _has_positional(part)
    if is_whole and any(pattern.fullmatch(part) for pattern in _SQL_LINES):
        yield "leave out the clause", ""
    for pattern, other in _SQL_WORDS:
        found = pattern.search(part)
        if found is None:
            continue
        changed = pattern.sub(other, part, count=1)
        if _has_positional(found.group()) and not other:
            continue
        yield "change the clause" if other else "leave out a condition", changed


def _has_positional(part: str) -> bool:
    return re.search(r"%[sb]", part) is not None


def _whole(what: str, node: ast.expr | ast.stmt, text: str) -> Edit:
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return what, (node.lineno, node.col_offset), end, text


def _bracketed(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"


def _replaced(lines: Iterable[str], start: Place, end: Place, text: str) -> str:
    """Replace what stands between two places; columns count bytes, as in ``ast``."""
    kept = [line.encode() for line in lines]
    head = kept[start[0] - 1][: start[1]]
    tail = kept[end[0] - 1][end[1] :]
    # The number of lines stays, so that messages about the broken file name the right ones.
    filler = b"" if b"\n" in text.encode() else b"\n" * (end[0] - start[0])
    kept[start[0] - 1 : end[0]] = [head + text.encode() + tail + filler]
    return b"".join(kept).decode()


def _parses(text: str) -> bool:
    try:
        compile(text, "broken", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _trimmed(lines: Iterable[str]) -> str:
    return " ".join("".join(lines).split())
