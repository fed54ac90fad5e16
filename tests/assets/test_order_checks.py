"""Checks of orders: they find what is wrong with one, and nothing else."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.checking import Verdict
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import zoho_line, zoho_order
from tests.support.landing import put


def check(conn: Connection[Any], tenant: Tenant, name: str) -> Verdict:
    merge_entity(registry.entities()["order"], tenant, registry.streams())
    (found,) = [each for each in registry.checks() if each.name == name]
    return found.evaluate(conn, tenant)


@pytest.mark.parametrize(
    ("fields", "is_found"),
    [
        ({"line_items": []}, True),
        ({"line_items": [zoho_line()]}, False),
        ({"line_items": [], "order_status": "draft"}, False),
        ({"line_items": [], "order_status": "void"}, False),
        ({"line_items": [], "currency_code": "XXX"}, False),
    ],
    ids=["none", "one", "draft", "canceled", "known to an editors' list only"],
)
def test_orders_without_lines_are_found(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, fields: dict[str, Any], is_found: bool
):
    put(zoho_app, "zoho_sales_orders", zoho_order("1", **fields), zoho_order("2"))

    verdict = check(conn, tenant, "orders_have_lines")

    assert [row["order_number"] for row in verdict.rows] == (["SO-1"] if is_found else [])
    assert verdict.passed is not is_found
