"""The Saleor client against the sandbox: listing, reading by id, faults, tokens."""

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from psycopg import Connection

from resources.saleor import ORDERS as SOURCE
from resources.saleor import SALEOR
from resources.saleor.client import SaleorClient
from resources.saleor.resource import SaleorResource
from sandbox.runner import Sandbox
from schemabase_dagster.clock import parse_instant, utc_now
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from schemabase_dagster.streams import JsonObject, Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

ORDERS = Stream(
    name="saleor_orders",
    system=SALEOR,
    group="orders",
    description="",
    source=SOURCE,
    id_field="id",
    modified_field="updatedAt",
    order="ascending",
)


def global_id(kind: str, key: str) -> str:
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


UNKNOWN_ID = global_id("Order", "6f9c0d52-7a41-4b3e-9d10-2c8b17e45a90")


@pytest.fixture
def app(conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_saleor(conn, tenant, large_sandbox)


@pytest.fixture
def client(app: App) -> Iterator[SaleorClient]:
    with open_client(app) as client:
        yield client


def open_client(app: App) -> AbstractContextManager[SaleorClient]:
    resource = SaleorResource(backoff_seconds=0.01, read_seconds=5, clock_scale=60)
    return resource.open(app)


def rows(client: SaleorClient, **options: Any) -> list[JsonObject]:
    options.setdefault("since", None)
    return [row for page in client.iter_pages(ORDERS, **options) for row in page.records]


def calls(sandbox: Sandbox) -> dict[str, int]:
    return dict(sandbox.control.calls()[MERCHANT]["saleor"])


class TestListing:
    def test_all_orders_are_listed_oldest_change_first(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        found = rows(client)

        times = [parse_instant(row["updatedAt"]) for row in found]
        assert times == sorted(times)
        known = large_sandbox.control.ids(MERCHANT, "saleor")
        assert sorted(row["id"] for row in found) == sorted(known)

    def test_orders_come_whole(self, client: SaleorClient):
        row = next(client.iter_pages(ORDERS, since=None)).records[0]

        assert row["lines"]
        assert row["total"]["gross"]["amount"]
        assert row["billingAddress"]["country"]["code"]

    def test_the_page_size_is_the_apps(
        self, conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
    ):
        app = shops.add_saleor(conn, tenant, large_sandbox, page_size=20)

        with open_client(app) as client:
            assert len(next(client.iter_pages(ORDERS, since=None)).records) == 20

    def test_only_changes_since_an_instant_are_listed_that_instant_included(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        changed = large_sandbox.control.change_orders(MERCHANT, "saleor", 3, "note")
        documents = [large_sandbox.control.document(MERCHANT, "saleor", one) for one in changed]
        since = min(parse_instant(one["updatedAt"]) for one in documents)

        found = rows(client, since=since)

        assert sorted(row["id"] for row in found) == sorted(changed)

    def test_an_idle_stream_costs_one_call(self, client: SaleorClient):
        rows(client, since=utc_now())

        assert client.calls_by_kind() == {"list": 1}

    def test_an_interrupted_listing_goes_on_at_its_cursor(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        page = next(client.iter_pages(ORDERS, since=None))

        rest = rows(client, resume=page.resume)

        assert len(page.records) + len(rest) == len(large_sandbox.control.ids(MERCHANT, "saleor"))

    def test_an_order_that_changes_meanwhile_is_listed_again_and_none_is_skipped(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        pages = client.iter_pages(ORDERS, since=None)
        seen = [row["id"] for row in next(pages).records]
        large_sandbox.control.change_orders(MERCHANT, "saleor", 40, "note")
        seen += [row["id"] for page in pages for row in page.records]

        assert set(seen) == set(large_sandbox.control.ids(MERCHANT, "saleor"))

    def test_equal_times_across_a_page_border_are_all_listed(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.align_modified(MERCHANT, "saleor", 20, 120)

        found = [row["id"] for row in rows(client)]

        assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "saleor"))

    def test_a_repeated_page_loses_nothing(self, client: SaleorClient, large_sandbox: Sandbox):
        large_sandbox.control.add_fault("duplicate_page", MERCHANT, "saleor", where="list")

        found = {row["id"] for row in rows(client)}

        assert found == set(large_sandbox.control.ids(MERCHANT, "saleor"))

    def test_a_page_that_repeats_for_ever_is_given_up(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.add_fault(
            "duplicate_page", MERCHANT, "saleor", where="list", times=None
        )

        with pytest.raises(ProviderUnavailable, match="cursor"):
            rows(client)

    def test_the_number_of_orders_is_known_by_one_call(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        assert client.count(ORDERS) == len(large_sandbox.control.ids(MERCHANT, "saleor"))
        assert client.calls == 1


class TestReadingById:
    def test_a_hundred_orders_are_read_by_one_call(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        wanted = large_sandbox.control.ids(MERCHANT, "saleor")[:250]

        fetched = list(client.iter_details(ORDERS, wanted))

        assert [one.external_id for one in fetched] == wanted
        assert all(one.record and one.record["id"] == one.external_id for one in fetched)
        assert client.calls == 3

    @pytest.mark.parametrize(
        "unknown",
        [
            UNKNOWN_ID,
            global_id("Product", "72"),
            global_id("Order", "no uuid"),
            "no base64",
            "",
            "ü",
        ],
        ids=["unknown", "other type", "no uuid", "no base64", "empty", "no ASCII"],
    )
    def test_what_is_no_order_is_gone_and_harms_no_other(
        self, client: SaleorClient, large_sandbox: Sandbox, unknown: str
    ):
        known = large_sandbox.control.ids(MERCHANT, "saleor")[0]

        fetched = list(client.iter_details(ORDERS, [unknown, known]))

        gone = {one.external_id: one.record is None for one in fetched}
        assert gone == {unknown: True, known: False}

    def test_one_id_named_twice_is_read_once(self, client: SaleorClient, large_sandbox: Sandbox):
        known = large_sandbox.control.ids(MERCHANT, "saleor")[0]

        assert len(list(client.iter_details(ORDERS, [known, known]))) == 1


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "error_500"},
            {"kind": "html_502"},
            {"kind": "cut_body"},
            {"kind": "invalid_json"},
            {"kind": "slow", "seconds": 8},
            {"kind": "rate_limited", "retry_after": 0},
            {"kind": "rate_limited"},
        ],
        ids=lambda fault: "-".join(map(str, fault.values())),
    )
    def test_a_passing_fault_is_not_noticed(
        self, client: SaleorClient, large_sandbox: Sandbox, fault: JsonObject
    ):
        large_sandbox.control.add_fault(
            merchant=MERCHANT, system="saleor", where="list", after=1, **fault
        )

        found = [row["id"] for row in rows(client)]

        assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "saleor"))

    @pytest.mark.parametrize("kind", ["error_500", "html_502", "cut_body", "invalid_json"])
    def test_a_lasting_fault_ends_after_three_attempts(
        self, client: SaleorClient, large_sandbox: Sandbox, kind: str
    ):
        large_sandbox.control.add_fault(kind, MERCHANT, "saleor", times=None)

        with pytest.raises(ProviderUnavailable):
            rows(client)

        assert calls(large_sandbox)["total"] == 3

    def test_a_lasting_429_ends_as_rate_limited(self, client: SaleorClient, large_sandbox: Sandbox):
        large_sandbox.control.add_fault(
            "rate_limited", MERCHANT, "saleor", retry_after=0, times=None
        )

        with pytest.raises(RateLimited):
            rows(client)

    def test_data_beside_errors_is_not_taken(self, client: SaleorClient, large_sandbox: Sandbox):
        large_sandbox.control.add_fault("partial_data", MERCHANT, "saleor", times=None)

        with pytest.raises((ProviderRejected, ProviderUnavailable)):
            rows(client)

    def test_a_damaged_cursor_is_refused(self, client: SaleorClient):
        with pytest.raises(ProviderRejected, match="GraphQLError"):
            rows(client, resume={"after": "damaged"})

    def test_a_document_that_the_server_does_not_know_is_told_apart(self, client: SaleorClient):
        with pytest.raises(ProviderContractError, match="GraphQLError"):
            client._query("list", "Unknown", "query Unknown { unknown }", {})


class TestCredentials:
    @pytest.mark.parametrize("call", [rows, SaleorClient.check], ids=["list", "check"])
    def test_a_revoked_token_names_tenant_and_app_and_is_tried_once(
        self, client: SaleorClient, large_sandbox: Sandbox, tenant: Tenant, call: Any
    ):
        large_sandbox.control.revoke_credentials(MERCHANT, "saleor")

        with pytest.raises(CredentialError) as caught:
            call(client)

        error = caught.value
        assert (error.tenant, error.app, error.reason) == (
            tenant.slug,
            "shop",
            "PermissionDenied",
        )
        assert calls(large_sandbox)["total"] == 1

    def test_the_check_tells_what_the_token_opens(self, client: SaleorClient):
        facts = client.check()

        assert "MANAGE_ORDERS" in facts["permissions"]
        assert facts["app"] == "Schemabase"

    def test_the_check_names_a_missing_permission(
        self, client: SaleorClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.set_permissions(MERCHANT, ["MANAGE_PRODUCTS"])

        with pytest.raises(CredentialError, match="MANAGE_ORDERS"):
            client.check()
