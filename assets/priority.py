"""Giving way: pulls work at a lower priority of the operating system than everything else."""

import multiprocessing
import os
from collections.abc import Mapping
from typing import Final

from schemabase_dagster import tags

NICENESS: Final = 10
"""A pull takes what webhook runs, gateway and daemon leave of the processors."""

LONG_NICENESS: Final = 19
"""The lowest, a seventh of the share: a full sync and a back-fill take what short pulls leave."""


SHARED: Final = "SCHEMABASE_SHARES_MACHINE"
"""Set in the environment of a run that the warm process has forked: others run beside it."""


def give_way(run_tags: Mapping[str, str]) -> None:
    """Lower the priority of this run's process.

    A webhook run that starts beside ten full syncs needs two seconds of processor time for its
    imports alone. Where runs share a machine, they are children of the code server (Dagster's stock
    launcher) or of the warm process; a process of another kind, such as the command line or a
    container of its own, is left alone.

    Args:
        run_tags: tell what kind of pull it is.
    """
    if multiprocessing.parent_process() is not None or SHARED in os.environ:
        is_long = tags.FILL in run_tags or run_tags.get(tags.TRIGGER) == tags.TRIGGER_FULL
        os.setpriority(os.PRIO_PROCESS, 0, LONG_NICENESS if is_long else NICENESS)
