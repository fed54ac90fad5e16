"""``python -m schemabase_dagster.warm``: the process that forks the runs; ends with SIGTERM."""

import argparse
import logging
import os
import sys
from pathlib import Path

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import ROOT
from schemabase_dagster.warm.code import Code
from schemabase_dagster.warm.messages import socket_path
from schemabase_dagster.warm.server import WarmProcess
from schemabase_dagster.warm.state import State

# Numeric libraries make a pool of threads when they are imported, and threads do not survive a
# fork. The definitions import them later.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def main() -> int:
    """Serve until asked to end; return the exit status."""
    options = _parser().parse_args()
    _log_to_stderr()
    state = None if options.state is None else State.take(options.state)
    try:
        WarmProcess(socket_path(), Code(options.module, options.directory), state).serve()
    except ConfigurationError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_status
    return 0


def _log_to_stderr() -> None:
    """Log what this process does; the runs log as they do elsewhere, so the root stays bare."""
    logger = logging.getLogger("schemabase_dagster.warm")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m schemabase_dagster.warm", description=__doc__)
    parser.add_argument(
        "--module",
        default="schemabase_dagster.definitions",
        help="holds the Definitions as 'defs' (default: %(default)s)",
    )
    parser.add_argument(
        "--directory", type=Path, default=ROOT, help="where its packages are (default: %(default)s)"
    )
    parser.add_argument("--state", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
