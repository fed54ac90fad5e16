"""How a root process runs PostgreSQL, which refuses root: as ``nobody``, with no more than needed.

Neither a user is made nor a mode changed. Where the parents of the binaries or of the data folder
are closed to others (a checkout below a root-only home), the server keeps one Linux capability to
pass them; it is tried only when the plain way fails.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from schemabase_dagster.errors import ConfigurationError

FALLBACK_ID: Final = 65534
"""The unprivileged user and group of Linux systems without an entry for ``nobody``."""

_PASSES_FOLDERS: Final = ("dac_read_search", "dac_override")
"""Capabilities that open closed parents, the weaker first; containers often grant the second only.
"""

# Exit status 0 proves that the folder can be entered and the program runs and finds itself.
_PROBE: Final = 'cd "$1" && exec "$2" --version'


def make_private_folder(path: Path) -> None:
    """Make a folder for the server's data: its user's own and closed to all others."""
    path.mkdir(mode=0o700, exist_ok=True)
    give_away(path)


def give_away(path: Path) -> None:
    """Make the server's user the owner of a path; does nothing unless we are root."""
    if os.geteuid() == 0:
        os.chown(path, *_ids())


@cache
def prefix(programs: Path, data: Path) -> tuple[str, ...]:
    """Return the words before a server command: none unless we are root.

    Raises:
        ConfigurationError: no way was found to run it without being root.
    """
    if os.geteuid() != 0:
        return ()
    for candidate in _candidates():
        probe = ["/bin/sh", "-c", _PROBE, "probe", str(data), str(programs / "pg_ctl")]
        done = subprocess.run([*candidate, *probe], capture_output=True, cwd="/", check=False)
        if done.returncode == 0:
            return candidate
    raise ConfigurationError(
        "PostgreSQL does not run as root, and an unprivileged user cannot reach its files.",
        "Run as another user, move the checkout out of a closed folder, or set DATABASE_URL.",
    )


def _candidates() -> Iterator[tuple[str, ...]]:
    setpriv = shutil.which("setpriv", path=f"{os.defpath}:/usr/bin:/bin")
    if setpriv is None:
        return
    uid, gid = _ids()
    plain = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    yield (*plain, "--inh-caps=-all")
    for capability in _PASSES_FOLDERS:
        # Without the secure bit access(2), which the programs ask first, ignores the capability.
        yield (
            *plain,
            f"--inh-caps=-all,+{capability}",
            f"--ambient-caps=+{capability}",
            "--securebits=+no_setuid_fixup",
        )


def _ids() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return FALLBACK_ID, FALLBACK_ID
    return entry.pw_uid, entry.pw_gid
