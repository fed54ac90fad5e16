"""Chargebacks that shop and gateway both tell: one row, whichever comes first."""

from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.disputes.pairing import pair_disputes
from sandbox.runner import Sandbox
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.tenancy import Tenant
from tests.support import shops
from tests.support.pulls import pull
from tests.support.rows import rows, versions

MERCHANT = "acme"
SHOP_STREAMS = ("saleor_orders", "saleor_payments", "saleor_transactions", "saleor_disputes")
TABLES = ("core.disputes", "core.external_ref", "platform.match_pair")
CONTENT = """
SELECT d.dispute_key, d.kind, d.status, d.funds_withdrawn, p.reference_number,
    array_agg(x.stream ORDER BY x.stream) AS streams
FROM core.disputes AS d
JOIN core.payments AS p ON p.id = d.payment_id
JOIN core.external_ref AS x ON x.entity = 'dispute' AND x.core_id = d.id
WHERE d.deleted_at IS NULL
GROUP BY d.id, p.id
ORDER BY d.dispute_key
"""


def said(role: str, amount: str = "30.00", day: int = 10, kind: str = "chargeback") -> Any:
    """One record of a dispute; a group of one."""
    attrs = {"amount": amount, "currency": "EUR", "kind": kind, "at": f"2026-03-{day:02}"}
    return [{"role": role, "external_id": f"{role}{day}", "attrs": attrs}]


@pytest.mark.parametrize(
    ("groups", "pairs"),
    [
        pytest.param([said("shop"), said("gateway", "30.0")], [(0, 1)], id="equal amounts"),
        pytest.param([said("shop"), said("gateway", "29.00")], [], id="another amount"),
        pytest.param([said("shop"), said("gateway", kind="retrieval")], [], id="moved no money"),
        pytest.param([said("shop") + said("gateway"), said("gateway", day=11)], [], id="known"),
        pytest.param([said("shop"), said("shop", day=11), said("gateway", day=12)], [(0, 2)],
            id="the first with the first"),
        pytest.param(
            [said("gateway", day=9, kind="pre_arbitration"), said("shop"), said("gateway")],
            [(1, 2)], id="the case itself before what goes on from it",
        ),
    ],
)  # fmt: skip
def test_chargebacks_of_one_payment_are_paired(groups: list[Any], pairs: list[tuple[int, int]]):
    assert pair_disputes(groups) == pairs


def merge(tenant: Tenant, *entities: str) -> int:
    found = [merge_entity(registry.entities()[e], tenant, registry.streams()) for e in entities]
    return sum(result.changed for result in found)


def test_every_order_of_arrival_makes_one_row_and_a_replay_changes_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant
):
    key = sandbox.control.tell_chargeback(MERCHANT)
    pull(shops.add_saleor(conn, tenant, sandbox, streams=SHOP_STREAMS), *SHOP_STREAMS)
    pull(shops.add_braintree(conn, tenant, sandbox), *shops.BRAINTREE_STREAMS)
    merge(tenant, "order", "payment", "dispute")
    streams = ("saleor_disputes", "braintree_disputes", "braintree_payments")
    outcomes = [rows(conn, CONTENT)]

    for order in permutations(streams):
        conn.execute(
            "TRUNCATE core.disputes, core.payments, core.external_ref, platform.match_pair, "
            "platform.todo, platform.parent_key CASCADE"
        )
        for stream in order:
            replay(tenant, [registry.streams()[stream]])
            merge(tenant, "payment", "dispute")
        replay(tenant, [registry.streams()[stream] for stream in SHOP_STREAMS])
        merge(tenant, "order", "payment", "dispute")
        outcomes.append(rows(conn, CONTENT))

    (both,) = [row for row in outcomes[0] if len(row["streams"]) > 1]
    assert (both["dispute_key"], both["streams"]) == (
        key, ["braintree_disputes", "saleor_disputes"],
    )  # fmt: skip
    for outcome in outcomes:
        assert outcome == outcomes[0]
    before = {table: versions(conn, table) for table in TABLES}
    replay(tenant, registry.streams().values())
    merge(tenant, "order", "payment", "dispute")
    assert {table: versions(conn, table) for table in TABLES} == before
