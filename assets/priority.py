"""Giving way: pulls work at a lower priority of the operating system than everything else."""

import multiprocessing
import os
from typing import Final

NICENESS: Final = 19
"""The lowest: a pull takes what webhook runs, gateway and daemon leave of the processors."""


def give_way() -> None:
    """Lower the priority of this run's process.

    A webhook run that starts beside ten full syncs needs two seconds of processor time for its
    imports alone. Where runs share a machine (Dagster's stock launcher), they are children of the
    code server; a process of another kind, such as the command line or a container of its own, is
    left alone.
    """
    if multiprocessing.parent_process() is not None:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
