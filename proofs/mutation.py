"""Break 30 lines at random, one at a time, and count how many of the breaks the tests notice.

``python -m proofs.mutation --seed 7`` draws the lines evenly from all lines that do something in
the engine, the inbox, the vault and the verification of webhooks, and one break for each. Every
break runs in a copy of the tree, first against the tests next to the module, then against all that
reach it; the rest of the suite is only asked when too few were noticed. The table goes to
``docs/testing.md``.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.breaks import Break, find_breaks
from proofs.trees import Failure, ProofError, Trees, first_failure
from schemabase_dagster.settings import ROOT

LINES: Final = 30
NEEDED: Final = 25
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
    "webhook_gateway/verification.py",
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
    "webhook_gateway/verification.py": ("tests/webhook_gateway",),
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
BEGIN, END = "<!-- written by make mutate -->", "<!-- end -->"


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


def run(seed: int, count: int, workers: int, only: Iterable[str]) -> list[Verdict]:
    """Break, test and tell; return the verdicts in the order of the lines."""
    breaks = [each for each in draw(seed, count) if not only or each.path in set(only)]
    if not breaks:
        raise ProofError("no line was drawn")
    with tempfile.TemporaryDirectory(prefix="schemabase-mutation-") as name:
        trees = Trees(Path(name), workers)
        reached = [name for each in breaks for name in reaching(ROOT, each.path)]
        limit = _prove_whole(trees, list(dict.fromkeys(reached)))
        with ThreadPoolExecutor(workers) as pool:
            verdicts = list(pool.map(lambda each: _judge(trees, each, limit), breaks))
        missed = [each for each in verdicts if each.failure is None]
        if count - len(missed) < NEEDED <= count:
            print(f"\n{len(missed)} breaks are not noticed so far; asking the rest of the suite")
            limit = max(REST_SECONDS, _prove_whole(trees, ["tests"]))
            again = {each.broken: _judge_by_rest(trees, each, limit) for each in missed}
            verdicts = [again.get(each.broken, each) for each in verdicts]
    return verdicts


def main() -> int:
    """Run the proof; the exit status tells whether enough breaks were noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--only", nargs="*", default=[], help="paths; for development")
    parser.add_argument("--draft", action="store_true", help="leave docs/testing.md alone")
    given = parser.parse_args()
    begin = time.monotonic()
    verdicts = run(given.seed, given.lines, given.workers, given.only)
    noticed = sum(each.failure is not None for each in verdicts)
    hung = sum(each.failure is not None and each.failure.is_hang for each in verdicts)
    minutes = (time.monotonic() - begin) / 60
    claim = f"{noticed} of {len(verdicts)} breaks are noticed (seed {given.seed})"
    claim += f", {hung} of them because tests hang" if hung else ""
    table = _table(verdicts)
    print(f"\n{table}\n\n{claim}; {NEEDED} are needed; {minutes:.0f} minutes")
    if not given.draft and not given.only:
        _write(f"{claim[0].upper()}{claim[1:]}.\n\n{table}")
    return 0 if noticed >= NEEDED else 1


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
        place = f"{Path(broken.path).name}:{broken.line}"
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


def _write(text: str) -> None:
    """Put the outcome where it stood before, or at the end of the document."""
    page = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "# Testing\n"
    if BEGIN not in page:
        page = f"{page.rstrip()}\n\n{HEADING}\n\n{BEGIN}\n{END}\n"
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    DOCUMENT.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
