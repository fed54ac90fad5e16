"""Runs whose worker died with an earlier stack: ended before a new stack starts.

Dagster's stock launcher cannot see that a run's worker is gone when the code server was killed
too. Such a run would stay *started* for hours, and its tenant would be held back meanwhile.
"""

import os
import subprocess
import sys

from schemabase_dagster import database

UNFINISHED_SQL = """
SELECT count(*)
FROM runs
WHERE status IN ('STARTING', 'STARTED', 'CANCELING')
"""

CLOSE_SECONDS = 60


def close_runs() -> int:
    """Report every unfinished run as failed; call it only while no code server runs.

    Returns:
        How many there were.
    """
    count = _count()
    if count:
        # in a process of its own: Dagster takes over a second to import, and is rarely needed
        subprocess.run(
            [sys.executable, "-m", __name__],
            check=True,
            timeout=CLOSE_SECONDS,
            env=dict(os.environ),
            stdout=subprocess.DEVNULL,
        )
    return count


def _count() -> int:
    with database.connect(url=database.dagster_url()) as connection:
        if connection.execute("SELECT to_regclass('public.runs')").fetchone() == (None,):
            return 0
        row = connection.execute(UNFINISHED_SQL).fetchone()
        return int(row[0]) if row else 0


def _close() -> None:
    import dagster as dg  # noqa: PLC0415 - only the child process pays for it

    unfinished = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    with dg.DagsterInstance.get() as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
            instance.report_run_failed(run, "The stack was stopped while this run was active.")


if __name__ == "__main__":
    _close()
