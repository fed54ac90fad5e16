"""Code: the definitions that are loaded before the first fork, and whether their files changed."""

import gc
import importlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dagster._core.definitions.reconstruct import ReconstructableRepository

ATTRIBUTE: Final = "defs"

IMPORTED_LATE: Final = (
    "schemabase_dagster.instance_storage",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.storage.upath_io_manager",
    "dagster._core.run_coordinator.queued_run_coordinator",
    "psycopg2.extras",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "upath.implementations.local",
)
"""What a run imports beyond its definitions: mostly what ``dagster.yaml`` names."""

SUFFIXES: Final = (".py", ".sql")

Stamp = frozenset[tuple[str, int, int]]
"""Path, time of change and size of every file."""


@dataclass(frozen=True, slots=True)
class Code:
    """The definitions of one module and the files that they are made of.

    Attributes:
        module: module that holds the ``Definitions`` as ``defs``.
        directory: folder of the packages, working directory of the code server.
    """

    module: str
    directory: Path

    def load(self) -> None:
        """Import the definitions and resolve their jobs, and keep that memory shared with children.

        Opens nothing: a thread or a connection would not survive a fork. Raises whatever the code
        raises.
        """
        gc.disable()  # a collection that moves nothing still writes into every page
        for name in IMPORTED_LATE:
            importlib.import_module(name)
        repository = ReconstructableRepository.for_module(
            self.module, ATTRIBUTE, str(self.directory)
        )
        repository.get_definition().get_all_jobs()
        gc.collect()
        gc.freeze()

    def packages(self) -> list[str]:
        """Return the names of what was loaded from the directory: packages and modules."""
        return sorted(
            name
            for name in {module.partition(".")[0] for module in sys.modules}
            if self._place(name) is not None
        )

    def stamp(self, packages: Sequence[str]) -> Stamp:
        """Return how the files of the packages, and the installed libraries, look now."""
        places = [place for name in packages if (place := self._place(name)) is not None]
        return frozenset(_stamped([*places, Path(sysconfig.get_path("purelib"))]))

    def _place(self, name: str) -> Path | None:
        folder, file = self.directory / name, self.directory / f"{name}.py"
        return next((each for each in (folder, file) if each.exists()), None)


def threads() -> list[str]:
    """Return the names of this process's threads beside the main one, those of libraries too."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():  # not Linux
        return []
    main = str(os.getpid())
    return [(task / "comm").read_text().strip() for task in tasks.iterdir() if task.name != main]


def _stamped(places: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    for place in places:
        if place.is_dir() and place.name != "site-packages":
            for folder, folders, files in os.walk(place):
                folders[:] = [name for name in folders if name != "__pycache__"]
                for file in files:
                    if file.endswith(SUFFIXES):
                        yield _look(os.path.join(folder, file))  # noqa: PTH118 - many files
        else:
            yield _look(str(place))


def _look(path: str) -> tuple[str, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - many files
    except OSError:  # vanished meanwhile
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size
