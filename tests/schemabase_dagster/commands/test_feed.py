"""``schemabase feed``: addresses of product feeds and logistics numbers."""

import json
from typing import Any

import pytest
from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support.rows import count, value

LINK = "https://shop.example/p"


def add_shop(conn: Connection[Any], tenant: Tenant, key: str) -> App:
    config = {"api_url": f"http://localhost:9/{key}/graphql/", "domain": key, "order_prefix": key}
    return tenancy.add_app(
        conn, tenant, SALEOR, key, {**config, "order_prefix": key.upper()}, {"token": "t" * 30}
    )


@pytest.fixture
def shop(conn: Connection[Any], tenant: Tenant) -> App:
    """The only shop of ``acme``."""
    return add_shop(conn, tenant, "shop")


def test_feed_is_made_at_once_in_both_formats(run: Run, conn: Connection[Any], shop: App):
    made = json.loads(run("feed", "products", "acme", "--link", LINK, "--json").out)

    assert [url.rpartition("/")[0].rpartition("/")[2] for url in made["urls"]] == [
        "googlemerchant", "facebookcommerce",
    ]  # fmt: skip
    assert all(url.endswith(made["id"]) for url in made["urls"])
    assert count(conn, "platform.product_feed") == 2


def test_numbers_are_counted_at_once(run: Run, conn: Connection[Any], tenant: Tenant):
    ran = run("feed", "logistics", "acme")

    assert "/v1/stats/logistics/rd_" in ran.out
    assert count(conn, "platform.logistics_numbers") == 1


def test_switch_and_delete(run: Run, conn: Connection[Any], tenant: Tenant):
    endpoint = json.loads(run("feed", "logistics", "acme", "--json").out)["id"]

    run("feed", "off", endpoint)
    off = json.loads(run("feed", "list", "acme", "--json").out)
    run("feed", "on", endpoint)
    on = json.loads(run("feed", "list", "--json").out)
    run("feed", "delete", endpoint)

    assert [each["state"] for each in off + on] == ["off", "on"]
    assert json.loads(run("feed", "list", "--json").out) == []
    assert value(conn, "SELECT deleted_at FROM platform.read_endpoint") is not None


def test_former_id_leads_to_one_endpoint(run: Run, tenant: Tenant):
    former = ("feed", "logistics", "acme", "--former-id", "pk_old", "--json")
    first = json.loads(run(*former).out)["id"]

    second = run(*former)
    run("feed", "delete", first)
    third = run(*former)

    assert (second.status, third.status) == (2, 0)
    assert "'pk_old' leads to another" in second.err


def test_one_of_two_shops_must_be_chosen(
    run: Run, conn: Connection[Any], tenant: Tenant, shop: App
):
    add_shop(conn, tenant, "outlet")

    unclear = run("feed", "products", "acme", "--link", LINK)
    chosen = run("feed", "products", "acme", "--link", LINK, "--shop", "outlet")

    assert unclear.status == 2
    assert "--shop: outlet, shop" in unclear.err
    assert chosen.status == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("products", "acme", "--link", "shop.example"), "http://"),
        (("products", "acme", "--link", LINK, "--channel", "Fair"), "No sales channel 'Fair'"),
        (("products", "acme", "--link", LINK, "--shop", "nothing"), "no app 'nothing'"),
        (("off", "rd_unknown"), "no read endpoint 'rd_unknown'"),
    ],
)
def test_mistake_is_told(run: Run, shop: App, words: tuple[str, ...], told: str):
    ran = run("feed", *words)

    assert ran.status == 2
    assert told in ran.err
