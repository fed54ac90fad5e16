"""``python -m proofs.fairness``: do three tenants in trouble cost the others their freshness?

The real stack pulls tenants by a cron, first only the ordinary ones, then beside three more: one
at its Zoho quota, one with 100 times the data, one with dead credentials. Exits with 1 when the
95th percentile of the ordinary tenants' freshness grows by more than a fifth.
"""

import argparse
import sys
import time

from proofs.claims import show_claims
from proofs.fairness.play import Plan, play
from proofs.fairness.report import judge, show
from proofs.steps import StepFailed, Steps
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.settings import ROOT, get_settings
from schemabase_dagster.stack import home
from schemabase_dagster.stack.process import interruptible


def main() -> int:
    """Play both phases and print; return 1 when a claim does not hold."""
    plan = _plan()
    steps, begin = Steps(), time.monotonic()
    place = home.fresh(ROOT, get_settings().state_dir.resolve() / "fairness")
    try:
        with interruptible():
            story = play(place, plan, steps)
    except (StepFailed, SchemabaseError) as error:
        print(f"{error} The logs are in {place.logs}.")
        return 1
    except KeyboardInterrupt:
        return 130
    claims = judge(story)
    show(story)
    show_claims(claims)
    print(f"{time.monotonic() - begin:.0f} s in all")
    return int(not all(claim.holds for claim in claims))


def _plan() -> Plan:
    default = Plan()
    parser = argparse.ArgumentParser(prog="python -m proofs.fairness", description=__doc__)
    parser.add_argument("--ordinary", type=int, default=default.ordinary, help="their number")
    parser.add_argument(
        "--minutes",
        type=int,
        default=default.minutes,
        choices=[minutes for minutes in range(1, 31) if 60 % minutes == 0],
        help="from one time of the cron to the next",
    )
    parser.add_argument("--rounds", type=int, default=default.rounds, help="crons in each phase")
    parser.add_argument("--size", type=int, default=default.size, help="orders of an ordinary one")
    return Plan(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
