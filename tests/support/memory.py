"""Memory of processes (Linux)."""

import os
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    folder = Path("/proc") / str(pid)
    pages = int((folder / "statm").read_text().split()[1])
    children = (folder / "task" / str(pid) / "children").read_text().split()
    own = pages * os.sysconf("SC_PAGE_SIZE")
    return own + sum(resident_bytes(int(child)) for child in children)
