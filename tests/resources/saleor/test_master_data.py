"""Master data of a shop: connections that are listed whole, plain lists, reading by id."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.saleor.client import SaleorClient
from resources.saleor.resource import SaleorResource
from sandbox.runner import Sandbox
from schemabase_dagster.errors import CredentialError
from schemabase_dagster.streams import JsonObject, Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

STREAMS = {
    "saleor_channels": "channels",
    "saleor_warehouses": "warehouses",
    "saleor_tax_classes": "taxClasses",
    "saleor_product_types": "productTypes",
    "saleor_categories": "categories",
    "saleor_products": "products",
    "saleor_variants": "productVariants",
    "saleor_customers": "customers",
}
LISTED = [name for name in STREAMS if name != "saleor_channels"]


@pytest.fixture
def app(conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_saleor(conn, tenant, large_sandbox)


@pytest.fixture
def client(app: App) -> Iterator[SaleorClient]:
    with SaleorResource(backoff_seconds=0.01).open(app) as client:
        yield client


def stream(name: str) -> Stream:
    return registry.streams()[name]


def rows(client: SaleorClient, name: str) -> list[JsonObject]:
    pages = client.iter_pages(stream(name), since=None)
    return [row for page in pages for row in page.records]


@pytest.mark.parametrize(("name", "root"), STREAMS.items())
def test_everything_is_listed_once(
    client: SaleorClient, large_sandbox: Sandbox, name: str, root: str
):
    found = [row["id"] for row in rows(client, name)]

    assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "saleor", root))
    assert len(set(found)) == len(found) > 0


@pytest.mark.parametrize("name", LISTED)
def test_records_are_read_by_id_in_the_shape_of_the_list(client: SaleorClient, name: str):
    listed = {row["id"]: row for row in rows(client, name)}

    found = {each.external_id: each.record for each in client.iter_details(stream(name), listed)}

    assert found == listed


def test_pages_end_where_the_records_end(app: App, large_sandbox: Sandbox):
    variants = large_sandbox.control.ids(MERCHANT, "saleor", "productVariants")
    sizes = {}
    for size in (len(variants) - 1, len(variants), len(variants) + 1):
        changed = replace(app, config={**app.config, "page_size": size})
        with SaleorResource(backoff_seconds=0.01).open(changed) as client:
            pages = list(client.iter_pages(stream("saleor_variants"), since=None))
        sizes[size] = [len(page.records) for page in pages]

    assert list(sizes.values()) == [[len(variants) - 1, 1], [len(variants)], [len(variants)]]


def test_a_token_without_the_permission_is_refused(client: SaleorClient, large_sandbox: Sandbox):
    large_sandbox.control.set_permissions(MERCHANT, ["MANAGE_ORDERS"])

    with pytest.raises(CredentialError):
        rows(client, "saleor_customers")


def test_a_list_without_pages_has_no_count(client: SaleorClient):
    assert client.count(stream("saleor_channels")) is None
    assert client.count(stream("saleor_products")) == len(rows(client, "saleor_products"))
