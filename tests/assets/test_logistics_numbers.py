"""Which orders the numbers on the warehouse's screen count."""

from datetime import date, timedelta
from typing import Any

import pytest
from psycopg import Connection

from assets.published import logistics_numbers
from schemabase_dagster import tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.tenancy import App, Tenant
from tests.support.core_rows import put_order

NOTHING = {"ready_now": 0, "ready_next_five_days": 0, "bulk_now": 0, "bulk_next_five_days": 0}


def day(offset: int) -> date:
    return utc_now().date() + timedelta(days=offset)


@pytest.mark.parametrize(
    ("columns", "counted"),
    [
        ({"ready_to_fulfill": True}, "ready_now"),
        ({"ready_to_fulfill": True, "days": 0}, "ready_now"),
        ({"ready_to_fulfill": True, "days": -9}, "ready_now"),
        ({"ready_to_fulfill": True, "shipment_status": "partially_shipped"}, "ready_now"),
        ({"ready_to_fulfill": True, "days": 1}, "ready_next_five_days"),
        ({"days": 5}, "ready_next_five_days"),
        ({"ready_to_fulfill": True, "carrier": "bulk"}, "bulk_now"),
        ({"carrier": "bulk", "days": 3}, "bulk_next_five_days"),
        ({"days": 6}, None),
        ({"days": 0}, None),
        ({}, None),
        ({"ready_to_fulfill": True, "status": "draft"}, None),
        ({"ready_to_fulfill": True, "status": "canceled"}, None),
        ({"ready_to_fulfill": True, "shipment_status": "shipped"}, None),
        ({"ready_to_fulfill": True, "deleted_at": "2026-01-01Z"}, None),
    ],
)
def test_order_is_counted(
    conn: Connection[Any], tenant: Tenant, columns: dict[str, Any], counted: str | None
):
    days = columns.get("days")
    others = {name: given for name, given in columns.items() if name != "days"}
    # not earlier: a run may begin before midnight and end after it
    put_order(
        conn, tenant, "STORE-1", expected_ship_date=None if days is None else day(days), **others
    )

    found = logistics_numbers.publish(conn, tenant)

    assert found == NOTHING | ({counted: 1} if counted else {})


def test_order_of_a_system_for_bulk_orders_is_one(
    conn: Connection[Any], tenant: Tenant, strapi_app: App
):
    order_id = put_order(conn, tenant, "BULK-1", ready_to_fulfill=True)
    conn.execute(
        "INSERT INTO core.external_ref (tenant_id, app_id, entity, external_id, core_id, stream) "
        "VALUES (%s, %s, 'order', '1', %s, 'strapi_bulk_order_recipients')",
        (tenant.id, strapi_app.id, order_id),
    )

    assert logistics_numbers.publish(conn, tenant) == NOTHING | {"bulk_now": 1}


def test_orders_of_another_tenant_are_not_counted(conn: Connection[Any], tenant: Tenant):
    foreign = tenancy.add_tenant(conn, "globex", "Globex")
    put_order(conn, foreign, "STORE-1", ready_to_fulfill=True)

    assert logistics_numbers.publish(conn, tenant) == NOTHING


def test_day_is_that_of_the_tenant(conn: Connection[Any], tenant: Tenant):
    # there it is tomorrow already, or still today: never the same day as at the other end
    tenancy_zone = "Etc/GMT-14" if utc_now().hour >= 12 else "Etc/GMT+12"
    conn.execute("UPDATE platform.tenant SET timezone = %s", (tenancy_zone,))
    put_order(
        conn, tenant, "STORE-1", ready_to_fulfill=True,
        expected_ship_date=day(1 if "-14" in tenancy_zone else 0),
    )  # fmt: skip

    found = logistics_numbers.publish(conn, tenancy.get_tenant(conn, tenant.slug))

    expected = "ready_now" if "-14" in tenancy_zone else "ready_next_five_days"
    assert found == NOTHING | {expected: 1}
