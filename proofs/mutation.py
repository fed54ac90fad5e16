"""Break lines at random, one at a time, and count how many of the breaks the tests notice.

``python -m proofs.mutation --seed 7`` draws 30 lines evenly from all lines that do something in the
engine, the inbox, the vault and the verification of webhooks, some of the mappers of every system,
and one break for each. Every break runs in a copy of the tree. The core's breaks are shown to the
tests next to the module and to all that reach it; the rest of the suite is only asked when too few
were noticed. A mapper's breaks are shown to the table-driven tests of the mappers only. The tables
go to ``docs/testing.md``.
"""

import argparse
import ast
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.breaks import Break, find_breaks
from proofs.trees import Failure, ProofError, Trees, first_failure
from resources.registry import systems
from schemabase_dagster.settings import ROOT

LINES: Final = 30
LINES_PER_SYSTEM: Final = 5
NEEDED: Final = 5 / 6
"""Share of the breaks that must be noticed."""
PARTS: Final = ("core", "mappers")
SEED: Final = 20261125
WORKERS: Final = 2
HANG_FACTOR: Final = 3
"""Tests hang that take so many times as long as without a break, and at least the next number."""
LEAST_SECONDS: Final = 300
REST_SECONDS: Final = 900

TARGETS: Final = (
    "schemabase_dagster/engine/*.py",
    "schemabase_dagster/inbox/*.py",
    "schemabase_dagster/vault.py",
    "webhook_gateway/verification/*.py",
)
REACHING: Final = {
    "schemabase_dagster/engine": (
        "tests/schemabase_dagster/engine",
        "tests/assets",
        "tests/e2e/test_bad_input.py",
        "tests/e2e/test_webhook_to_row.py",
        "tests/schemabase_dagster/commands/test_sync.py",
    ),
    "schemabase_dagster/inbox": (
        "tests/schemabase_dagster/inbox",
        "tests/schemabase_dagster/engine/test_hints.py",
        "tests/webhook_gateway",
        "tests/schemabase_dagster/commands/test_inbox.py",
        "tests/e2e/test_webhook_to_row.py",
    ),
    "schemabase_dagster/vault.py": (
        "tests/schemabase_dagster/test_vault.py",
        "tests/schemabase_dagster/test_key_rotation.py",
        "tests/schemabase_dagster/test_tokens.py",
        "tests/schemabase_dagster/commands/test_keys.py",
    ),
    "webhook_gateway/verification": ("tests/webhook_gateway",),
    "assets": tuple(
        str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("tests/assets/test_*_mappers.py"))
    ),
}
"""Tests that reach a module, nearest first."""
NEAREST: Final = {
    **dict.fromkeys(("bearers", "conflicts", "entity", "facts"), "merge"),
    **dict.fromkeys(("links", "parents", "parties", "references"), "merge"),
    **dict.fromkeys(("rows", "todo", "write"), "merge"),
    "replays": "records",
}
"""Where the tests stand that ask most of a module without tests of its own name."""

DOCUMENT: Final = ROOT / "docs" / "testing.md"
HEADING: Final = "## Mutations"
BEGIN: Final = {part: f"<!-- {part}, written by make mutate -->" for part in PARTS}
END: Final = "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a break; ``failure`` noticed it, None = nobody did."""

    broken: Break
    failure: Failure | None
    seconds: float


def draw(seed: int, count: int) -> list[Break]:
    """Draw lines evenly from all that can be broken, and one break for each."""
    paths = [path.relative_to(ROOT) for each in TARGETS for path in sorted(ROOT.glob(each))]
    lines = {
        (str(path), line): found
        for path in paths
        for line, found in find_breaks(ROOT, str(path)).items()
    }
    rng = random.Random(seed)
    chosen = sorted(rng.sample(sorted(lines), count))
    return [rng.choice(lines[place]) for place in chosen]


def draw_mappers(seed: int, count: int) -> list[Break]:
    """Draw ``count`` lines of the mappers of every system, and one break for each."""
    rng = random.Random(seed)
    return [
        rng.choice(lines[place])
        for _, lines in sorted(_mapper_lines().items())
        for place in sorted(rng.sample(sorted(lines), count))
    ]


def _mapper_lines() -> dict[str, dict[tuple[str, int], list[Break]]]:
    """Return what can be broken in the mappers of each system: functions, models and tables.

    What a stream declares about its list is the clients' matter, and their tests'.
    """
    found: dict[str, dict[tuple[str, int], list[Break]]] = {name: {} for name in systems()}
    for path in sorted(ROOT.glob("assets/*/*.py")):
        if path.stem in found:
            name = str(path.relative_to(ROOT))
            mapping = set(_lines_that_map(ast.parse(path.read_text(encoding="utf-8"))))
            found[path.stem] |= {
                (name, line): breaks
                for line, breaks in find_breaks(ROOT, name).items()
                if line in mapping
            }
    return found


def _lines_that_map(module: ast.Module) -> Iterator[int]:
    for node in module.body:
        is_table = isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(
            node.value, ast.Dict | ast.Set | ast.Tuple | ast.List
        )
        if is_table or isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def reaching(tree: Path, path: str) -> list[str]:
    """Return the test files that reach a module, nearest first."""
    folder = next(key for key in REACHING if path.startswith(key))
    files = [
        str(file.relative_to(tree))
        for place in REACHING[folder]
        for file in ([tree / place] if place.endswith(".py") else _test_files(tree / place))
    ]
    stem = Path(path).stem
    near = f"test_{NEAREST.get(stem, stem)}"
    return sorted(dict.fromkeys(files), key=lambda name: not Path(name).name.startswith(near))


def run(breaks: Sequence[Break], workers: int, *, asks_rest: bool) -> list[Verdict]:
    """Break, test and tell; return the verdicts in the order of the lines.

    Args:
        breaks: what is broken.
        workers: how many breaks are tested at once.
        asks_rest: show what nobody noticed to the whole suite, if that is too much.
    """
    if not breaks:
        raise ProofError("no line was drawn")
    with tempfile.TemporaryDirectory(prefix="schemabase-mutation-") as name:
        trees = Trees(Path(name), workers)
        reached = [name for each in breaks for name in reaching(ROOT, each.path)]
        limit = _prove_whole(trees, list(dict.fromkeys(reached)))
        with ThreadPoolExecutor(workers) as pool:
            verdicts = list(pool.map(lambda each: _judge(trees, each, limit), breaks))
        missed = [each for each in verdicts if each.failure is None]
        if asks_rest and len(breaks) - len(missed) < _needed(breaks):
            print(f"\n{len(missed)} breaks are not noticed so far; asking the rest of the suite")
            limit = max(REST_SECONDS, _prove_whole(trees, ["tests"]))
            again = {each.broken: _judge_by_rest(trees, each, limit) for each in missed}
            verdicts = [again.get(each.broken, each) for each in verdicts]
    return verdicts


def main() -> int:
    """Run the proof; the exit status tells whether enough breaks were noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--part", choices=PARTS, help="of what is broken; default: all")
    parser.add_argument("--lines", type=int, default=LINES, help="of the core")
    parser.add_argument("--lines-per-system", type=int, default=LINES_PER_SYSTEM)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--only", nargs="*", default=[], help="paths; for development")
    parser.add_argument("--draft", action="store_true", help="leave docs/testing.md alone")
    given = parser.parse_args()
    drawn = {
        "core": draw(given.seed, given.lines),
        "mappers": draw_mappers(given.seed, given.lines_per_system),
    }
    holds = True
    for part in [given.part] if given.part else PARTS:
        begin = time.monotonic()
        breaks = [each for each in drawn[part] if not given.only or each.path in given.only]
        verdicts = run(breaks, given.workers, asks_rest=part == "core")
        noticed = sum(each.failure is not None for each in verdicts)
        minutes = (time.monotonic() - begin) / 60
        told = f"{_claim(verdicts, part)} (seed {given.seed}).\n\n{_table(verdicts)}"
        print(f"\n{told}\n\n{_needed(breaks)} are needed; {minutes:.0f} minutes")
        if not given.draft and not given.only:
            _write(part, told)
        holds = holds and noticed >= _needed(breaks)
    return 0 if holds else 1


def _needed(breaks: Sequence[Break]) -> int:
    return math.ceil(NEEDED * len(breaks))


def _claim(verdicts: Sequence[Verdict], part: str) -> str:
    noticed = [each for each in verdicts if each.failure is not None]
    hung = sum(each.failure is not None and each.failure.is_hang for each in noticed)
    claim = f"{len(noticed)} of {len(verdicts)} breaks are noticed"
    claim += f", {hung} of them because tests hang" if hung else ""
    if part == "mappers":
        drawn, seen = (
            Counter(Path(each.broken.path).stem for each in some) for some in (verdicts, noticed)
        )
        claim += ": " + ", ".join(f"{name} {seen[name]}/{drawn[name]}" for name in drawn)
    return claim


def _prove_whole(trees: Trees, tests: Sequence[str]) -> float:
    """Run tests without a break; return after how many seconds others are taken to hang."""
    begin = time.monotonic()
    with trees.lend() as tree:
        failure = first_failure(tree, tests, REST_SECONDS, "-n", str(WORKERS))
    if failure:
        raise ProofError(f"without any break: {failure}")
    seconds = time.monotonic() - begin
    print(f"the tests pass without a break, {seconds:.0f} s\n")
    # the tests of a break run in one process, beside those of another break
    return max(LEAST_SECONDS, HANG_FACTOR * WORKERS * seconds)


def _judge(trees: Trees, broken: Break, limit: float) -> Verdict:
    begin = time.monotonic()
    with trees.lend(broken) as tree:
        failure = first_failure(tree, reaching(tree, broken.path), limit)
    verdict = Verdict(broken, failure, time.monotonic() - begin)
    _tell(verdict)
    return verdict


def _judge_by_rest(trees: Trees, verdict: Verdict, limit: float) -> Verdict:
    begin = time.monotonic()
    with trees.lend(verdict.broken) as tree:
        failure = first_failure(tree, ["tests"], limit, "-n", str(WORKERS))
    later = Verdict(verdict.broken, failure, time.monotonic() - begin)
    _tell(later)
    return later


def _tell(verdict: Verdict) -> None:
    broken = verdict.broken
    print(f"{broken.path}:{broken.line}  {broken.what}  ({verdict.seconds:.0f} s)")
    print(f"    - {broken.before}\n    + {broken.after}")
    print(f"    {verdict.failure or 'NOT NOTICED'}", flush=True)


def _test_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("test_*.py"))


def _table(verdicts: Iterable[Verdict]) -> str:
    rows = ["| line | break | noticed by |", "|---|---|---|"]
    for each in verdicts:
        broken = each.broken
        path = Path(broken.path)
        name = str(path.relative_to("assets")) if path.parts[0] == "assets" else path.name
        place = f"{name}:{broken.line}"
        change = f"{broken.what}: {_code(broken.before)} -> {_code(broken.after)}"
        rows.append(f"| {place} | {change} | {_noticed_by(each.failure)} |")
    return "\n".join(rows)


def _noticed_by(failure: Failure | None) -> str:
    if failure is None:
        return "**nobody**"
    test = _code(failure.test.rpartition("/")[2])
    return f"hung: {test}" if failure.is_hang else test


def _code(text: str) -> str:
    """Quote code in a cell of a table."""
    shown = text if len(text) <= 90 else f"{text[:87]}..."
    return f"`{shown.replace('|', '&#124;').replace('`', '')}`" if shown else "nothing"


def _write(part: str, text: str) -> None:
    """Put the outcome where it stood before, or at the end of the document."""
    page = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "# Testing\n"
    begin = BEGIN[part]
    if begin not in page:
        page = f"{page.rstrip()}\n\n{HEADING}\n\n{begin}\n{END}\n"
    head, _, rest = page.partition(begin)
    tail = rest.partition(END)[2]
    DOCUMENT.write_text(f"{head}{begin}\n{text}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
