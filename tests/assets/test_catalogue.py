"""The catalogue from the stand-ins to core: streams, matching by SKU, links of lines."""

from collections.abc import Iterable
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.registry import default_resources
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import count, rows, value, versions

ZOHO = (
    "zoho_taxes",
    "zoho_warehouses",
    "zoho_items",
    "zoho_products",
    "zoho_stock",
    "zoho_prices",
    "zoho_composite_items",
)
SALEOR = (
    "saleor_channels",
    "saleor_warehouses",
    "saleor_tax_classes",
    "saleor_tax_rates",
    "saleor_product_types",
    "saleor_categories",
    "saleor_products",
    "saleor_product_variants",
    "saleor_variants",
    "saleor_stocks",
    "saleor_prices",
)
ENTITIES = (
    "warehouse", "tax_class", "tax_rate", "sales_channel", "product_type", "category", "product",
    "variant", "stock", "price", "bill_of_material",
)  # fmt: skip
TABLES = tuple(registry.entities()[name].table.fullname for name in ENTITIES)
CALLS = {"zoho_items": 2, "zoho_composite_items": 3}
MERCHANT = "acme"


def pull(app: App, *streams: str, **options: Any) -> SyncResult:
    result = SyncResult()
    with default_resources()[app.type].open(app) as client:
        for name in streams:
            stream = registry.streams()[name]
            result += sync_stream(client, stream, app, PullOptions(**options))
    return result


def merge(tenant: Tenant, *entities: str) -> SyncResult:
    result = SyncResult()
    for name in registry.entities():
        if name in entities:
            entity = registry.entities()[name]
            result += merge_entity(entity, tenant, registry.streams())
    return result


def written(conn: Connection[Any], tables: Iterable[str] = TABLES) -> dict[str, Any]:
    return {table: versions(conn, table) for table in tables}


def contents(conn: Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """What the tables say by natural keys, without ids and times."""
    return {
        "variants": rows(
            conn,
            "SELECT v.sku, v.name, v.active, v.gtin, v.weight_g, v.is_bundle, v.tax_percentage, "
            "v.attributes, p.match_key, p.name AS product, t.name AS tax_class "
            "FROM core.variants AS v LEFT JOIN core.products AS p ON p.id = v.product_id "
            "LEFT JOIN core.tax_classes AS t ON t.id = v.tax_class_id "
            "WHERE v.deleted_at IS NULL ORDER BY v.sku",
        ),
        "products": rows(
            conn,
            "SELECT p.match_key, p.name, p.slug, p.active, p.brand, c.slug AS category "
            "FROM core.products AS p LEFT JOIN core.categories AS c ON c.id = p.category_id "
            "ORDER BY p.match_key",
        ),
        "stock": rows(
            conn,
            "SELECT w.normalized_name, v.sku, a.key, s.on_hand, s.committed, s.available "
            "FROM core.stock AS s JOIN core.warehouses AS w ON w.id = s.warehouse_id "
            "JOIN core.variants AS v ON v.id = s.variant_id "
            "JOIN platform.app AS a ON a.id = s.owner_app_id ORDER BY 1, 2, 3",
        ),
        "prices": rows(
            conn,
            "SELECT v.sku, c.name, a.key, p.currency, p.amount, p.cost_amount "
            "FROM core.prices AS p JOIN core.variants AS v ON v.id = p.variant_id "
            "LEFT JOIN core.sales_channels AS c ON c.id = p.sales_channel_id "
            "JOIN platform.app AS a ON a.id = p.owner_app_id ORDER BY 1, 2, 3",
        ),
    }


@pytest.fixture
def catalogue(tenant: Tenant, zoho_app: App, saleor_app: App) -> tuple[App, App]:
    """Both catalogues in core; the apps of the books and of the shop."""
    pull(zoho_app, *ZOHO)
    pull(saleor_app, *SALEOR)
    merge(tenant, *ENTITIES)
    return zoho_app, saleor_app


def test_every_record_lands_and_becomes_part_of_a_row(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App]
):
    assert count(conn, "platform.todo") == 0
    assert rows(conn, "SELECT stream, reason FROM platform.rejects") == []
    assert value(conn, "SELECT count(*) FROM core.variants") == 59
    # seven names, and an item that stands alone in the ERP and is not in the shop
    assert value(conn, "SELECT count(*) FROM core.products") == 8
    assert rows(conn, "SELECT sku FROM core.variants WHERE product_id IS NULL") == []
    assert rows(conn, "SELECT id FROM core.stock WHERE warehouse_id IS NULL") == []


def test_second_sync_writes_nothing(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App]
):
    books, shop = catalogue
    before = written(conn)

    again = pull(books, *ZOHO, full=True) + pull(shop, *SALEOR, full=True)
    merged = merge(tenant, *ENTITIES)

    assert (again.changed, again.deleted, again.rejected) == (0, 0, 0)
    assert (merged.read, merged.changed) == (0, 0)
    assert written(conn) == before


def test_replay_gives_the_same_rows(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App]
):
    before = written(conn)

    replay(tenant, [registry.streams()[name] for name in (*ZOHO, *SALEOR)])
    merge(tenant, *ENTITIES)

    assert written(conn) == before


def test_any_order_of_arrival_gives_the_same_rows(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App]
):
    before = contents(conn)
    for table in reversed(TABLES):
        conn.execute(f"DELETE FROM {table}".encode())

    for streams in (reversed(SALEOR), ZOHO):
        for name in streams:
            replay(tenant, [registry.streams()[name]])
            merge(tenant, *reversed(ENTITIES))
    for _ in range(2):
        merge(tenant, *ENTITIES)

    assert contents(conn) == before
