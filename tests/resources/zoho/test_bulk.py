"""Details that come many in a call: what is left out is proved by a call of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.zoho.client import ZohoClient
from resources.zoho.resource import ZohoResource
from sandbox.runner import Sandbox
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

ITEMS = registry.streams()["zoho_items"]
UNKNOWN_ID = "73518000000999999"


@pytest.fixture
def app(conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_zoho(conn, tenant, large_sandbox)


@pytest.fixture
def client(app: App) -> Iterator[ZohoClient]:
    with ZohoResource(clock_scale=60, backoff_seconds=0.01).open(app) as client:
        yield client


def detail_calls(sandbox: Sandbox) -> int:
    return int(sandbox.control.calls()[MERCHANT]["zoho"].get("detail", 0))


def test_many_details_come_in_one_call(client: ZohoClient, large_sandbox: Sandbox):
    wanted = large_sandbox.control.ids(MERCHANT, "zoho", "items")

    found = list(client.iter_details(ITEMS, wanted))

    assert [each.external_id for each in found] == wanted
    assert all(each.record and each.record["item_id"] == each.external_id for each in found)
    assert detail_calls(large_sandbox) == 1


def test_what_the_answer_leaves_out_is_asked_for_alone(client: ZohoClient, large_sandbox: Sandbox):
    known = large_sandbox.control.ids(MERCHANT, "zoho", "items")[0]

    found = {each.external_id: each.record for each in client.iter_details(
        ITEMS, [known, UNKNOWN_ID]
    )}  # fmt: skip

    assert found[known] is not None
    assert found[UNKNOWN_ID] is None
    assert detail_calls(large_sandbox) == 2


def test_a_hundred_ids_fit_one_call_and_one_more_makes_two(
    client: ZohoClient, large_sandbox: Sandbox
):
    known = large_sandbox.control.ids(MERCHANT, "zoho", "items")

    hundred = list(client.iter_details(ITEMS, (known * 3)[:100]))
    after_hundred = detail_calls(large_sandbox)
    more = list(client.iter_details(ITEMS, (known * 3)[:101]))

    assert (len(hundred), len(more)) == (100, 101)
    assert (after_hundred, detail_calls(large_sandbox)) == (1, 3)
