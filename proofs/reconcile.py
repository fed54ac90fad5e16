"""Plant disagreements of all 14 kinds among a merchant's orders, and see that each is found.

``python -m proofs.reconcile`` starts a PostgreSQL and stand-ins of its own, seeds a merchant,
plants every form of every kind several times, and what looks like one and is none, pulls shop,
books and gateway, and compares the rows of ``analytics.reconciliation_defect`` with what was
planted: kind, order, both amounts, all ids of both sides.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from assets import registry
from proofs.steps import Steps
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster import database, tenancy
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.vault import generate_key
from tests.support import shops

MERCHANT: Final = "acme"
SYSTEMS: Final = ("saleor", "zoho", "braintree")
ORDERS, EACH = 2000, 5

_DEFECTS: Final = """
SELECT no, kind, order_number, expected::numeric(19, 2)::text AS expected,
       actual::numeric(19, 2)::text AS actual, unit, expected_source, actual_source, record
FROM analytics.reconciliation_defect
WHERE tenant = %s
ORDER BY no, order_number
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the comparison gave.

    Attributes:
        planted: how many of each kind and form were planted.
        found: how many of these were found with amounts and the ids of both sides.
        missing: planted and not found as they are.
        extra: found and never planted.
    """

    planted: Counter[str]
    found: Counter[str]
    missing: Sequence[Any]
    extra: Sequence[Any]


def connect(conn: Connection[Any], sandbox: Sandbox) -> tuple[Tenant, dict[str, App]]:
    """Make the tenant of the merchant with an app of each system."""
    tenant = tenancy.add_tenant(conn, MERCHANT, "Acme", timezone="Europe/Berlin")
    add = {"saleor": shops.add_saleor, "zoho": shops.add_zoho, "braintree": shops.add_braintree}
    apps = {
        system: add[system](conn, tenant, sandbox, streams=list(registry.streams_of(system)))
        for system in SYSTEMS
    }
    return tenant, apps


def pull(apps: dict[str, App]) -> int:
    """Pull every stream of the money and the goods; return how many records were read."""
    wanted = {"order", "invoice", "credit_note", "return", "payment", "refund", "dispute",
              "transaction_cost", "contact"}  # fmt: skip
    read = 0
    for system, app in apps.items():
        known = registry.streams_of(system).values()
        streams = [s for s in known if wanted & {each.entity for each in (s, *s.parts)}]
        with default_resources()[system].open(app) as client:
            for stream in sorted(streams, key=lambda each: each.part is not None):
                read += sync_stream(client, stream, app, PullOptions()).read
    return read


def merge(tenant: Tenant) -> None:
    """Make the canonical rows; records that another entity's merge queues are merged as well."""
    for _ in range(2):
        for entity in registry.entities().values():
            merge_entity(entity, tenant, registry.streams())


def compare(
    conn: Connection[Any], planted: Sequence[dict[str, Any]], apps: Mapping[str, App]
) -> Outcome:
    """Compare what the view shows with what was planted, row by row."""
    with conn.cursor(row_factory=dict_row) as cursor:
        shown = cursor.execute(_DEFECTS, (MERCHANT,)).fetchall()
    left, missing, found = list(shown), [], Counter[str]()
    for each in planted:
        hit = next((row for row in left if _facts(row) == _wanted(each, apps)), None)
        if hit is None:
            missing.append(each)
        else:
            left.remove(hit)
            found[_name(each)] += 1
    return Outcome(Counter(map(_name, planted)), found, missing, left)


def _name(planted: Mapping[str, Any]) -> str:
    return f"{planted['kind']}: {planted['form']}"


def _facts(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return everything that must be right of a row that is shown."""
    amounts = (row["expected"], row["actual"], row["unit"])
    sides = (set(row["expected_source"].split(", ")), set(row["actual_source"].split(", ")))
    return (row["kind"], row["order_number"], *amounts, *sides)


def _wanted(planted: Mapping[str, Any], apps: Mapping[str, App]) -> tuple[object, ...]:
    """Return the same of what was planted, which names systems and not apps."""
    sides = (
        {
            f"{apps[system].key} {record}"
            for system, _, record in (part.partition(" ") for part in planted[side].split(", "))
        }
        for side in ("expected_source", "actual_source")
    )
    amounts = (planted["expected"], planted["actual"], planted["unit"])
    return (planted["kind"], planted["order"], *amounts, *sides)


def show(outcome: Outcome) -> None:
    """Print the closing table."""
    table = Table("kind and form", "planted", "found")
    for kind, count in outcome.planted.items():
        table.add_row(kind, str(count), str(outcome.found[kind]))
    console = Console(width=110)
    console.print(table)
    for title, rows in (("not found", outcome.missing), ("never planted", outcome.extra)):
        for row in rows:
            console.print(f"{title}: {' '.join(str(value) for value in row.values())}")


def main() -> int:
    """Plant, pull, compare and print; return 1 when the two differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=ORDERS, help="sales orders")
    parser.add_argument("--each", type=int, default=EACH, help="how often every form is planted")
    options = parser.parse_args()
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="schemabase-reconcile-") as name:
        folder = Path(name)
        server = EmbeddedServer(folder, {"synchronous_commit": "off"})
        os.environ["DATABASE_URL"] = server.start()
        os.environ["SCHEMABASE_KEYS"] = generate_key()
        os.environ["SCHEMABASE_STATE_DIR"] = str(folder / "state")
        forget_settings()
        try:
            outcome = _play(steps, options.size, options.each)
        finally:
            database.close_pools()
            server.stop()
    show(outcome)
    return int(bool(outcome.missing or outcome.extra))


def _play(steps: Steps, size: int, each: int) -> Outcome:
    database.migrate(streams=list(registry.streams().values()))
    with Sandbox(size=size, merchants=(MERCHANT,)) as sandbox:
        with steps.step(f"{size} orders, every form planted {each} times"):
            planted = sandbox.control.plant_disagreements(MERCHANT, each)
        with database.connect(autocommit=True) as conn:
            tenant, apps = connect(conn, sandbox)
            with steps.step("shop, books and gateway pulled"):
                steps.note(f"{pull(apps)} records")
            with steps.step("canonical rows merged"):
                merge(tenant)
            with steps.step("what was found compared with what was planted"):
                begin = time.monotonic()
                outcome = compare(conn, planted, apps)
                steps.note(f"the view took {time.monotonic() - begin:.2f} s")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
