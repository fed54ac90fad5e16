"""``python -m proofs.latency``: how long from a webhook to its changed row in core.

Three phases on the real stack, gateway, daemon and runs included: idle, beside full syncs of ten
tenants, and on an instance with Dagster's defaults. With --warm three others: events that each need
a run of their own, with the stock launcher and with the warm one, and that beside the full syncs.
Exits with 1 when a claim does not hold.
"""

import argparse
import sys
import time

import orjson

from proofs.latency.phases import (
    PHASES,
    USUAL,
    WARM,
    Measured,
    measure,
    measured_from,
    results_folder,
)
from proofs.latency.report import show
from schemabase_dagster.stack.process import interruptible
from schemabase_dagster.stack.screen import Screen

EVENTS = 20


def main() -> int:
    """Measure the chosen phases and print what is known of all."""
    options = _parser().parse_args()
    screen = Screen()
    begin = time.monotonic()
    for name in options.phase or (WARM if options.warm else USUAL):
        screen.console.print(f"\n[bold]Phase {name}[/]")
        with interruptible():
            _keep(measure(PHASES[name], options.events, screen))
    screen.console.print(f"\nMeasured in {time.monotonic() - begin:.0f} s.")
    return 0 if show(_known(), screen.console) else 1


def _keep(measured: Measured) -> None:
    path = results_folder() / f"{measured.phase}.json"
    path.write_bytes(orjson.dumps(measured.as_json()))


def _known() -> dict[str, Measured]:
    """Return the latest result of each phase, those of earlier calls too."""
    paths = {name: results_folder() / f"{name}.json" for name in PHASES}
    return {
        name: measured_from(orjson.loads(path.read_bytes()))
        for name, path in paths.items()
        if path.exists()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proofs.latency", description=__doc__)
    parser.add_argument(
        "--phase",
        action="append",
        choices=list(PHASES),
        help="measure only this one (can be repeated); the table also shows earlier results",
    )
    parser.add_argument("--warm", action="store_true", help="measure the phases of warm runs")
    parser.add_argument("--events", type=int, default=EVENTS, help="webhooks in each phase")
    return parser


if __name__ == "__main__":
    sys.exit(main())
