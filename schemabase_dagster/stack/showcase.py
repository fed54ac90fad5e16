"""The acts of the demo: each makes something happen and waits until the stack dealt with it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from assets import registry
from schemabase_dagster import tags
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.stack import figures
from schemabase_dagster.stack.dagster_api import DagsterApi, Run
from schemabase_dagster.stack.figures import Pair
from schemabase_dagster.stack.run import Running
from schemabase_dagster.stack.standins import DEMO_TENANTS, control

SYNCED = {
    "saleor": (
        "orders",
        "channels",
        "warehouses",
        "taxClasses",
        "productTypes",
        "categories",
        "products",
        "productVariants",
        "customers",
    ),
    "zoho": (
        "orders",
        "invoices",
        "contacts",
        "contacts",  # once more in detail
        "packages",
        "creditnotes",
        "salesreturns",
        "customerpayments",
        "taxes",
        "warehouses",
        "items",
        "compositeitems",
    ),
    "reviewsio": ("product_reviews", "merchant_reviews", "ratings"),
    "xentral": ("articles", "orders", "delivery_notes", "tracking_numbers"),
    "strapi": ("bulk_orders",),
    "braintree": ("transactions", "disputes"),
}
"""System -> what the stand-ins call the records that become canonical rows."""

PAIRS: tuple[Pair, ...] = tuple((tenant, system) for tenant in DEMO_TENANTS for system in SYNCED)
FIRST_SYNC_SECONDS = 240
WEBHOOK_SECONDS = 90
RUN_SECONDS = 120
POLL_SECONDS = 0.25

Answer = TypeVar("Answer", bound=Sequence[Any] | Mapping[Any, Any])

Progress = Callable[[Mapping[Pair, int]], None]
"""Is told how many records of each (tenant, system) are there."""


class DemoFailed(SchemabaseError):  # noqa: N818 - says what happened
    """The stack did not do what the demo shows."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of the webhooks that a shop sent.

    Attributes:
        sent: how many were acknowledged.
        seconds: of each changed order the time from its change in the shop to its changed row.
    """

    sent: int
    seconds: Sequence[float]


def expected_records(stand_ins: Mapping[str, Any]) -> Mapping[Pair, int]:
    """Return how many records the stand-ins have for each (tenant, system)."""
    return {
        (tenant, system): sum(
            len(control(stand_ins, "ids", merchant=tenant, system=system, entity=entity))
            for entity in SYNCED[system]
        )
        for tenant, system in PAIRS
    }


def await_first_sync(stack: Running, progress: Progress) -> Sequence[Run]:
    """Wait until the daemon has pulled everything of both tenants; return its runs.

    Nobody starts these runs: ``due_syncs`` sees apps that were never synced.

    Raises:
        DemoFailed: a run failed, or it takes too long.
    """
    api = DagsterApi(stack.ports.webserver_url)

    def finished() -> Sequence[Run]:
        progress(figures.landed())
        runs = [run for run in api.runs(lane=tags.LANE_PULL) if run.system]
        _raise_for_failed(runs)
        done = {(run.tenant, run.system) for run in runs if run.is_finished}
        is_done = done >= set(PAIRS) and all(run.is_finished for run in runs)
        return runs if is_done else ()

    return _wait(stack, finished, FIRST_SYNC_SECONDS, "the first sync of both tenants")


def send_webhooks(stack: Running, count: int) -> Mapping[str, Delivered]:
    """Change orders in the shops, which tell the gateway, and wait for the canonical rows.

    Args:
        stack: the running stack, whose shops send to its gateway.
        count: orders per shop.

    Raises:
        DemoFailed: the gateway refused a delivery, or a row did not change in time.
    """
    waiting: dict[str, tuple[datetime, list[str]]] = {}
    for tenant in DEMO_TENANTS:
        since = utc_now()
        sent = control(
            stack.stand_ins,
            "change_and_notify",
            merchant=tenant,
            system="saleor",
            n=count,
            kind="quantity",
        )
        if not all(outcome["is_delivered"] for outcome in sent["outcomes"]):
            raise DemoFailed(f"The gateway refused webhooks of '{tenant}'.")
        waiting[tenant] = (since, sent["ids"])

    def all_arrived() -> Mapping[str, Delivered]:
        found = {
            tenant: figures.arrived((tenant, "saleor"), ids, since)
            for tenant, (since, ids) in waiting.items()
        }
        if any(len(found[tenant]) < len(ids) for tenant, (_, ids) in waiting.items()):
            return {}
        return {
            tenant: Delivered(
                len(ids), [(at - since).total_seconds() for at in found[tenant].values()]
            )
            for tenant, (since, ids) in waiting.items()
        }

    return _wait(stack, all_arrived, WEBHOOK_SECONDS, "the rows that the webhooks change")


def sync_changes(stack: Running, count: int) -> datetime:
    """Change and add orders in the books, and sync them by a run like one from the UI's button.

    Args:
        stack: the running stack.
        count: changed orders per tenant; two new ones come on top.

    Returns:
        When the runs were started.

    Raises:
        DemoFailed: a run failed, or it takes too long.
    """
    from sensors.requests import downstream  # noqa: PLC0415 - imports Dagster, as no command may

    for tenant in DEMO_TENANTS:
        control(stack.stand_ins, "change_orders", merchant=tenant, system="zoho", n=count)
        control(stack.stand_ins, "new_orders", merchant=tenant, system="saleor", n=2, twin=True)
    since = utc_now()
    api = DagsterApi(stack.ports.webserver_url)
    keys = [key.path for key in downstream(registry.streams())]
    started = [
        api.launch(keys, partition=tenant, tags={tags.TENANT: tenant}) for tenant in DEMO_TENANTS
    ]

    def finished() -> Sequence[Run]:
        runs = [run for run in api.runs() if run.run_id in started]
        _raise_for_failed(runs)
        return runs if len(runs) == len(started) and all(run.is_finished for run in runs) else ()

    _wait(stack, finished, RUN_SECONDS, "the incremental sync")
    return since


def _raise_for_failed(runs: Sequence[Run]) -> None:
    for run in runs:
        if run.status in {"FAILURE", "CANCELED"}:
            raise DemoFailed(
                f"Run {run.run_id} of '{run.tenant}' ended as {run.status.lower()}. "
                "Its log is in the Dagster UI: run 'make up' to look at it."
            )


def _wait(stack: Running, question: Callable[[], Answer], seconds: float, what: str) -> Answer:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stack.supervisor.check()
        if answer := question():
            return answer
        stack.supervisor.pause(POLL_SECONDS)
    raise DemoFailed(f"Waited {seconds} s in vain for {what}. The logs are in {stack.home.logs}.")
