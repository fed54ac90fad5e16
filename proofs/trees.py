"""Trees: copies of the working tree in which one line is broken and tests are run."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from proofs.breaks import Break
from schemabase_dagster.settings import ROOT
from tests.support import server

TEST_SECONDS: Final = 60
"""A test that takes longer has noticed the break: it hangs."""
NO_TESTS: Final = 5
"""Exit status of pytest."""

_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - (.*))?$", re.MULTILINE)
_TIMED_OUT: Final = "Timeout (>"


@dataclass(frozen=True, slots=True)
class Failure:
    """How tests failed.

    Attributes:
        test: the first one that failed, or why none ran.
        is_hang: it did not end in time.
    """

    test: str
    is_hang: bool = False

    def __str__(self) -> str:
        return f"hung: {self.test}" if self.is_hang else self.test


class ProofError(Exception):
    """The proof would prove nothing: the tests fail without any break, or do not run."""


class Trees:
    """Copies of the tree, one for each worker, in which breaks are made and undone."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        # git stands elsewhere on every machine
        names = subprocess.check_output(listing, cwd=ROOT, text=True)
        for number in range(workers):
            tree = folder / str(number)
            for name in filter(None, names.split("\0")):
                if (ROOT / name).is_file():
                    (tree / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, tree / name)
            self._free.put(tree)

    @contextmanager
    def lend(self, broken: Break | None = None) -> Iterator[Path]:
        """Lend a tree with one line broken."""
        tree = self._free.get()
        if broken is None:
            yield tree
            self._free.put(tree)
            return
        path, whole = tree / broken.path, tree / f"{broken.path}.whole"
        shutil.copy2(path, whole)
        path.write_text(broken.text, encoding="utf-8")
        # Bytecode is told from source by whole seconds: a time of its own for each break.
        os.utime(path, (broken.line, broken.line))
        try:
            yield tree
        finally:
            whole.replace(path)
            self._free.put(tree)


def first_failure(tree: Path, tests: Sequence[str], limit: float, *options: str) -> Failure | None:
    """Run tests in a tree until one fails and return it; None when all pass.

    Raises:
        ProofError: there are no tests.
    """
    command = (
        sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-rfE", "-p", "no:randomly",
        "--hypothesis-seed=0", "-m", "not slow", "-o", f"timeout={TEST_SECONDS}", *options, *tests,
    )  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Failure(f"all tests, for {limit:.0f} s", is_hang=True)
    finally:
        folder = server.place() / f"{server.FOLDER_PREFIX}{process.pid}"
        if folder.exists():
            server.remove_folder(folder)
    if process.returncode == 0:
        return None
    if process.returncode == NO_TESTS:
        raise ProofError(f"no tests: {output.strip()[-500:]}")
    found = _FAILED.search(output)
    if found is None:
        # a module that cannot be imported stops pytest before the first test
        return Failure(f"pytest does not start: {output.strip().rpartition(chr(10))[2][:200]}")
    return Failure(found.group(1), is_hang=_TIMED_OUT in (found.group(2) or ""))
