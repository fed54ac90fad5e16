"""The catalogue from the stand-ins to core: streams, matching by SKU, links of lines."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from psycopg import Connection, sql

from assets import registry
from assets.checking import Verdict
from assets.checks import check_shrunk
from proofs.steps import wait_for
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster import database
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import land
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import count, one, rows, value, versions

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
MERCHANT = "acme"

Steps: TypeAlias = list[tuple[App, tuple[str, ...], tuple[str, ...]]]


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


def check(conn: Connection[Any], tenant: Tenant, name: str) -> Verdict:
    (found,) = [each for each in registry.checks() if each.name == name]
    return found.evaluate(conn, tenant)


def lines(conn: Connection[Any], table: str = "order_lines") -> dict[str, set[Any]]:
    """SKU on lines -> SKUs of the variants they are linked to."""
    found: dict[str, set[Any]] = {}
    query = sql.SQL(
        "SELECT l.sku, v.sku FROM core.{} AS l LEFT JOIN core.variants AS v ON v.id = l.variant_id"
    )
    for sku, variant in conn.execute(query.format(sql.Identifier(table))):
        found.setdefault(sku, set()).add(variant)
    return found


@pytest.mark.parametrize("catalogue_first", [True, False], ids=["catalogue first", "orders first"])
def test_lines_are_linked_whichever_comes_first(
    conn: Connection[Any],
    tenant: Tenant,
    zoho_app: App,
    saleor_app: App,
    sandbox: Sandbox,
    catalogue_first: bool,
):
    steps: Steps = [
        (zoho_app, ("zoho_warehouses", "zoho_items"), ("warehouse", "variant")),
        (saleor_app, ("saleor_variants",), ("variant",)),
    ]
    orders: Steps = [
        (zoho_app, ("zoho_sales_orders", "zoho_packages"), ("order", "package")),
        (saleor_app, ("saleor_orders",), ("order", "package")),
    ]
    for app, streams, entities in steps + orders if catalogue_first else orders + steps:
        pull(app, *streams)
        merge(tenant, *entities)

    nowhere = sandbox.control.planted(MERCHANT)["sku_nowhere"]["sku"]
    for table in ("order_lines", "package_lines"):
        found = lines(conn, table)
        assert {sku: found[sku] for sku in found if found[sku] != {sku}} == {nowhere: {None}}
    verdict = check(conn, tenant, "ordered_skus")
    assert [row["sku"] for row in verdict.rows] == [nowhere]


def test_linked_lines_are_not_written_again(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App]
):
    books, _ = catalogue
    pull(books, "zoho_sales_orders")
    merge(tenant, "order")
    before = written(conn, ["core.orders", "core.order_lines"])

    replay(tenant, [registry.streams()[name] for name in ("zoho_sales_orders", "zoho_items")])
    merge(tenant, "variant", "order")

    assert written(conn, ["core.orders", "core.order_lines"]) == before
    assert value(conn, "SELECT count(*) FROM core.order_lines WHERE warehouse_id IS NULL") == 0


def test_a_renamed_sku_keeps_the_row_and_its_lines(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], sandbox: Sandbox
):
    books, shop = catalogue
    pull(books, "zoho_sales_orders")
    merge(tenant, "order")
    old = value(conn, "SELECT sku FROM core.variants WHERE sku LIKE 'acm-001-%%'")
    row = value(conn, "SELECT id FROM core.variants WHERE sku = %s", (old,))

    for app, system in ((books, "zoho"), (shop, "saleor")):
        sandbox.control.change_article(MERCHANT, system, old, {"sku": "NEW-1"})
        pull(app, "zoho_items" if app is books else "saleor_variants")
        merge(tenant, "product", "variant")
    replay(tenant, [registry.streams()["zoho_sales_orders"]])
    merge(tenant, "order")

    assert value(conn, "SELECT id FROM core.variants WHERE sku = 'NEW-1'") == row
    assert lines(conn)[old] == {"NEW-1"}


def test_a_sku_renamed_to_one_that_exists_is_a_conflict(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], sandbox: Sandbox
):
    books, _ = catalogue
    only_in_shop = value(
        conn,
        "SELECT v.sku FROM core.variants AS v WHERE v.sku LIKE 'acm-007-%%'",
    )
    other = value(conn, "SELECT sku FROM core.variants WHERE sku LIKE 'acm-001-%%'")
    sandbox.control.change_article(MERCHANT, "zoho", other, {"sku": only_in_shop})

    pull(books, "zoho_items")
    merge(tenant, "variant")

    conflicts = rows(conn, "SELECT entity, kind FROM platform.match_conflict ORDER BY kind")
    assert {"entity": "variant", "kind": "key_moved"} in conflicts
    assert value(conn, "SELECT count(*) FROM core.variants WHERE deleted_at IS NULL") == 59


def test_a_stock_move_that_nothing_dates_is_read(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], sandbox: Sandbox
):
    books, shop = catalogue
    sku = value(conn, "SELECT sku FROM core.variants WHERE sku LIKE 'acm-001-%%'")
    for system in ("zoho", "saleor"):
        changed = {"levels": [[7, 2], [5, 0]]}
        sandbox.control.change_article(MERCHANT, system, sku, changed, False)

    # A second look within the same second as the first may be no newer, by the server's clock.
    wait_for(lambda: pull(books, "zoho_items").changed, 10, "the moved stock of the books")
    wait_for(lambda: pull(shop, "saleor_variants").changed, 10, "the moved stock of the shop")
    merged = merge(tenant, "variant", "stock", "price")

    levels = rows(
        conn,
        "SELECT a.key, w.name, s.on_hand, s.available FROM core.stock AS s "
        "JOIN core.variants AS v ON v.id = s.variant_id JOIN core.warehouses AS w "
        "ON w.id = s.warehouse_id JOIN platform.app AS a ON a.id = s.owner_app_id "
        "WHERE v.sku = %s ORDER BY a.key, w.name",
        (sku,),
    )
    assert [(row["key"], row["on_hand"], row["available"]) for row in levels] == [
        ("books", 7, 7 - 2),
        ("books", 5, 5),
        ("shop", 7, 7 - 2),
        ("shop", 5, 5),
    ]
    assert merged.changed == 4


def test_what_an_article_shows_no_more_is_deleted_with_it(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], sandbox: Sandbox
):
    books, shop = catalogue
    sku = value(conn, "SELECT sku FROM core.variants WHERE sku LIKE 'acm-001-%%'")
    for system in ("zoho", "saleor"):
        sandbox.control.delete_article(MERCHANT, system, sku)

    pull(books, "zoho_items", full=True)
    pull(shop, "saleor_products", "saleor_variants")
    merge(tenant, *ENTITIES)

    query = "SELECT deleted_at IS NOT NULL FROM core.variants WHERE sku = %s"
    assert value(conn, query, (sku,))
    live = "SELECT count(*) FROM core.{} AS t JOIN core.variants AS v ON v.id = t.variant_id "
    for table in ("stock", "prices"):
        counted = sql.SQL(live + "WHERE v.sku = %s AND t.deleted_at IS NULL")
        left = conn.execute(counted.format(sql.Identifier(table)), (sku,)).fetchone()
        assert left == (0,), table


def test_a_price_and_a_level_that_are_taken_back_are_deleted(
    conn: Connection[Any], tenant: Tenant, saleor_app: App
):
    stream = registry.streams()["saleor_variants"]
    price = {"amount": 9.9, "currency": "EUR"}
    variant: dict[str, Any] = {
        "id": "v1",
        "sku": "A",
        "product": {"id": "p1"},
        "channelListings": [
            {"id": f"l{n}", "channel": {"id": f"c{n}"}, "price": price} for n in (1, 2)
        ],
        "stocks": [
            {"id": f"s{n}", "quantity": n, "quantityAllocated": 0, "warehouse": {"id": f"w{n}"}}
            for n in (1, 2)
        ],
    }
    less = {
        **variant,
        "channelListings": [{"id": "l1", "channel": {"id": "c1"}, "price": None}],
        "stocks": variant["stocks"][:1],
    }

    for record in (variant, less):
        with database.transaction() as own:
            items = [prepare(stream, record, utc_now())]
            land(own, stream, saleor_app, items, via="pull", run_id=None)
        merge(tenant, "variant", "stock", "price")

    assert value(conn, "SELECT count(*) FROM core.prices WHERE deleted_at IS NULL") == 0
    levels = rows(conn, "SELECT on_hand FROM core.stock WHERE deleted_at IS NULL")
    assert levels == [{"on_hand": 1}]


def test_bundles_know_their_parts(conn: Connection[Any], catalogue: tuple[App, App]):
    parts = rows(
        conn,
        "SELECT v.sku AS bundle, v.is_bundle, p.sku AS part, l.quantity "
        "FROM core.bills_of_material AS b JOIN core.variants AS v ON v.id = b.variant_id "
        "JOIN core.bill_of_material_lines AS l ON l.bill_of_material_id = b.id "
        "JOIN core.variants AS p ON p.id = l.component_variant_id ORDER BY v.sku, l.line_no",
    )

    assert [(row["bundle"][4:7], row["part"][4:7], row["quantity"]) for row in parts] == [
        ("050", "000", 2), ("050", "001", 1), ("051", "002", 1), ("051", "005", 4)
    ]  # fmt: skip
    assert all(row["is_bundle"] for row in parts)


def test_checks_find_what_was_planted_and_nothing_else(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], sandbox: Sandbox
):
    negative = check(conn, tenant, "negative_stock")

    planted = sandbox.control.planted(MERCHANT)["negative_stock"]["sku"]
    assert {(row["sku"], row["app"]) for row in negative.rows} == {
        (planted, "books"), (planted, "shop")
    }  # fmt: skip
    assert [check(conn, tenant, name).passed for name in ("known_places", "tax_rates")] == [
        True, True
    ]  # fmt: skip


def test_a_stream_that_shrank_is_told(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], sandbox: Sandbox
):
    books, _ = catalogue
    stream = registry.streams()["zoho_items"]
    skus = rows(conn, "SELECT payload ->> 'sku' AS sku FROM raw.zoho_items ORDER BY 1 LIMIT 15")
    before = check_shrunk(conn, tenant, stream)
    for row in skus:
        sandbox.control.delete_article(MERCHANT, "zoho", row["sku"])

    pull(books, "zoho_items", full=True)
    after = check_shrunk(conn, tenant, stream)

    assert before.passed
    assert not after.passed
    assert "books: 15 of 56" in after.summary


def test_views_tell_products_stock_and_prices(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App]
):
    books, _ = catalogue
    pull(books, "zoho_sales_orders")
    merge(tenant, "order")

    sku = value(conn, "SELECT sku FROM core.variants WHERE sku LIKE 'acm-001-%%'")
    variant = one(conn, "SELECT * FROM analytics.dim_variant WHERE sku = %s", (sku,))
    stock = rows(conn, "SELECT * FROM analytics.stock_current WHERE sku = %s", (sku,))
    prices = rows(
        conn,
        "SELECT sales_channel, currency, amount FROM analytics.price_list WHERE sku = %s "
        "ORDER BY sales_channel",
        (sku,),
    )
    assert (variant["gtin"], variant["tax_percentage"]) == ("4000000000001", Decimal(7))
    assert variant["category"] in {"Fencing", "Everything"}
    assert {(row["warehouse"], row["source_app"]) for row in stock} == {
        ("Main", "books"), ("Outlet", "books")
    }  # fmt: skip
    assert [row["sales_channel"] for row in prices] == ["Shop DE", "Trade fair", None]
    assert {row["currency"] for row in prices} == {"EUR"}
    assert value(conn, "SELECT max(rank) FROM analytics.frequently_bought_together") == 10
    assert value(conn, "SELECT count(*) FROM analytics.dim_product WHERE variants > 0") == 8


@pytest.mark.parametrize("orders_first", [True, False], ids=["orders first", "channels first"])
def test_a_channel_is_called_as_its_record_says_whatever_orders_call_it(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, orders_first: bool
):
    steps = [("saleor_orders", "order"), ("saleor_channels", "sales_channel")]
    for stream, entity in steps if orders_first else reversed(steps):
        pull(saleor_app, stream)
        merge(tenant, entity)
    replay(tenant, [registry.streams()["saleor_orders"]])
    merge(tenant, "order")

    channels = rows(conn, "SELECT name, currency FROM core.sales_channels ORDER BY name")
    assert channels == [
        {"name": "Shop DE", "currency": "EUR"}, {"name": "Trade fair", "currency": "EUR"}
    ]  # fmt: skip
    assert value(conn, "SELECT count(DISTINCT sales_channel_id) FROM core.orders") == 1


def test_ratings_are_linked_to_the_variants_they_rate(
    conn: Connection[Any], tenant: Tenant, catalogue: tuple[App, App], reviewsio_app: App
):
    pull(reviewsio_app, "reviewsio_product_reviews", "reviewsio_product_ratings")
    merge(tenant, "variant_rating", "review")

    unlinked = rows(conn, "SELECT sku FROM core.variant_ratings WHERE variant_id IS NULL")
    rated = count(conn, "core.variant_ratings")
    assert rated > 10
    assert {row["sku"] for row in unlinked} <= {"OLD-SKU-2019", *_nowhere(conn)}
    assert value(conn, "SELECT count(*) FROM analytics.variant_rating") == rated - len(unlinked)
    orphans = rows(conn, "SELECT DISTINCT sku FROM core.reviews WHERE variant_id IS NULL")
    assert {row["sku"] for row in orphans} == {row["sku"] for row in unlinked}


def _nowhere(conn: Connection[Any]) -> set[str]:
    return {
        row["sku"]
        for row in rows(
            conn,
            "SELECT sku FROM core.reviews WHERE sku NOT IN "
            "(SELECT sku FROM core.variants WHERE sku IS NOT NULL)",
        )
    }
