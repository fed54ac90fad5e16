"""The Zoho client against the sandbox: listing, details, faults, tokens, budget."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from resources.zoho import ZOHO, ZohoList
from resources.zoho.client import ZohoClient
from resources.zoho.resource import ZohoResource
from sandbox.runner import Sandbox
from schemabase_dagster.clock import parse_instant, utc_now
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from schemabase_dagster.streams import JsonObject, Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

ORDERS = Stream(
    name="zoho_sales_orders",
    system=ZOHO,
    group="orders",
    description="",
    source=ZohoList(
        path="salesorders",
        list_key="salesorders",
        detail_key="salesorder",
        ids_filter="salesorder_ids",
    ),
    id_field="salesorder_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
)
CONTACTS = Stream(
    name="zoho_contacts",
    system=ZOHO,
    group="contacts",
    description="",
    source=ZohoList(path="contacts", list_key="contacts", api="books"),
    id_field="contact_id",
    modified_field="last_modified_time",
    order="descending",
)
TAXES = Stream(
    name="zoho_taxes",
    system=ZOHO,
    group="taxes",
    description="",
    source=ZohoList(
        path="settings/taxes", list_key="taxes", api="books", sort_column=None,
        modified_filter=False,
    ),
    id_field="tax_id",
)  # fmt: skip
PACKAGES = Stream(
    name="zoho_packages",
    system=ZOHO,
    group="packages",
    description="",
    source=ZohoList(
        path="packages", list_key="packages", detail_key="package", modified_filter=False
    ),
    id_field="package_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
)
UNKNOWN_ID = "73518000000999999"

Open = Callable[..., AbstractContextManager[ZohoClient]]


@pytest.fixture
def app(conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_zoho(conn, tenant, large_sandbox)


@pytest.fixture
def resource() -> ZohoResource:
    return ZohoResource(
        clock_scale=60, backoff_seconds=0.01, read_seconds=5, max_wait_seconds=20, concurrency=4
    )


@pytest.fixture
def client(app: App, resource: ZohoResource) -> Iterator[ZohoClient]:
    with resource.open(app) as client:
        yield client


def ids(client: ZohoClient, stream: Stream = ORDERS, **options: Any) -> list[str]:
    options.setdefault("since", None)
    pages = client.iter_pages(stream, **options)
    return [row[stream.id_field] for page in pages for row in page.records]


def calls(sandbox: Sandbox) -> dict[str, int]:
    return dict(sandbox.control.calls()[MERCHANT]["zoho"])


class TestListing:
    def test_all_records_are_listed_newest_first(self, client: ZohoClient, large_sandbox: Sandbox):
        rows = [row for page in client.iter_pages(ORDERS, since=None) for row in page.records]

        times = [parse_instant(row["last_modified_time"]) for row in rows]
        assert times == sorted(times, reverse=True)
        found = sorted(row["salesorder_id"] for row in rows)
        assert found == sorted(large_sandbox.control.ids(MERCHANT, "zoho"))

    def test_pages_are_counted_and_the_last_one_has_no_position(self, client: ZohoClient):
        pages = list(client.iter_pages(ORDERS, since=None))

        assert [page.number for page in pages] == list(range(1, len(pages) + 1))
        assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]

    def test_a_listing_tells_the_servers_time(self, client: ZohoClient):
        before = utc_now() - timedelta(seconds=2)

        page = next(client.iter_pages(ORDERS, since=None))

        assert before < page.listed_at < utc_now()

    def test_only_changes_since_an_instant_are_listed_that_instant_included(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        first, second, third = large_sandbox.control.ids(MERCHANT, "zoho")[:3]
        large_sandbox.control.touch(MERCHANT, "zoho", ids=[first, second, third])
        row = large_sandbox.control.document(MERCHANT, "zoho", first)
        since = parse_instant(row["last_modified_time"])

        assert sorted(ids(client, since=since)) == sorted([first, second, third])
        assert ids(client, since=since + timedelta(hours=1)) == []

    def test_an_idle_stream_costs_one_call(self, client: ZohoClient):
        ids(client, since=utc_now())

        assert client.calls_by_kind() == {"list": 1, "token": 1}

    def test_an_interrupted_listing_goes_on_where_it_stopped(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        pages = client.iter_pages(ORDERS, since=None)
        seen = [row["salesorder_id"] for row in next(pages).records]
        page = next(pages)
        seen += [row["salesorder_id"] for row in page.records]

        rest = ids(client, resume=page.resume)

        assert set(seen) | set(rest) == set(large_sandbox.control.ids(MERCHANT, "zoho"))
        assert len(rest) < len(seen) + len(rest) - 200

    def test_records_of_both_roots_are_listed(self, client: ZohoClient, large_sandbox: Sandbox):
        found = ids(client, CONTACTS)

        assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "zoho", "contacts"))

    def test_a_list_without_sorting_and_filter_is_listed(self, client: ZohoClient):
        assert len(ids(client, TAXES, since=utc_now())) == 2

    def test_a_list_without_filter_is_left_at_the_first_older_row(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        changed = large_sandbox.control.change_packages(MERCHANT, 3)
        row = large_sandbox.control.document(MERCHANT, "zoho", changed[0], "packages")
        since = parse_instant(row["last_modified_time"])

        assert sorted(ids(client, PACKAGES, since=since)) == sorted(changed)
        assert client.calls_by_kind()["list"] == 1

    def test_rows_of_one_instant_over_a_page_border_are_all_listed(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        same = large_sandbox.control.align_modified(MERCHANT, "zoho", 0, 230, "packages")
        row = large_sandbox.control.document(MERCHANT, "zoho", same[0], "packages")
        since = parse_instant(row["last_modified_time"])

        assert sorted(ids(client, PACKAGES, since=since)) == sorted(same)
        assert client.calls_by_kind()["list"] == 2

    @pytest.mark.parametrize(
        ("kind", "settings"),
        [
            ("duplicate_page", {}),
            ("duplicate_page", {"after": 1}),
            ("shifted_page", {"rows": 1}),
            ("shifted_page", {"rows": 30, "after": 1}),
            ("shifted_page", {"rows": -1}),
            ("shifted_page", {"rows": -150, "after": 1}),
        ],
        ids=["repeated", "late repeat", "one down", "many down", "one up", "many up"],
    )
    def test_nothing_is_missed_or_doubled_while_pages_move(
        self, client: ZohoClient, large_sandbox: Sandbox, kind: str, settings: JsonObject
    ):
        large_sandbox.control.add_fault(kind, MERCHANT, "zoho", where="list", **settings)

        found = ids(client)

        assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "zoho"))

    def test_equal_times_across_a_page_border_are_all_listed(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.align_modified(MERCHANT, "zoho", 150, 100)

        found = ids(client)

        assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "zoho"))

    def test_the_number_of_records_is_known_closely(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        number = len(large_sandbox.control.ids(MERCHANT, "zoho"))

        assert abs((client.count(ORDERS) or 0) - number) <= 0.05 * number


class TestDetails:
    def test_details_have_what_the_list_leaves_out(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        wanted = large_sandbox.control.ids(MERCHANT, "zoho")[:20]

        fetched = list(client.iter_details(ORDERS, wanted))

        assert sorted(one.external_id for one in fetched) == sorted(wanted)
        assert all(one.record and one.record["line_items"] for one in fetched)

    def test_an_unknown_id_is_gone(self, client: ZohoClient, large_sandbox: Sandbox):
        known = large_sandbox.control.ids(MERCHANT, "zoho")[0]

        fetched = list(client.iter_details(ORDERS, [UNKNOWN_ID, known]))

        gone = {one.external_id: one.record is None for one in fetched}
        assert gone == {UNKNOWN_ID: True, known: False}

    def test_what_is_no_id_is_gone_without_a_call(self, client: ZohoClient):
        (fetched,) = client.iter_details(ORDERS, ["../contacts"])

        assert fetched.record is None
        assert client.calls == 0

    def test_a_wrong_path_proves_nothing(self, client: ZohoClient):
        source = ZohoList(path="salesorderz", list_key="salesorders")
        stream = Stream("x", ZOHO, "orders", "", source, "salesorder_id")

        with pytest.raises(ProviderRejected):
            list(client.iter_details(stream, [UNKNOWN_ID]))

    def test_vanished_records_are_found_by_lists_and_proved_by_a_sample(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        known = large_sandbox.control.ids(MERCHANT, "zoho")[:5]
        gone = [str(int(UNKNOWN_ID) + number) for number in range(300)]

        found = {each.external_id: each.record for each in client.look_up(ORDERS, [*known, *gone])}

        assert sorted(key for key in found if found[key] is None) == gone
        assert sorted(key for key in found if found[key] is not None) == sorted(known)
        # a record that exists, two chunks; the sample and what exists
        assert client.calls_by_kind() == {"list": 3, "detail": 25, "token": 1}

    def test_a_record_that_no_list_shows_is_not_gone(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        hidden = large_sandbox.control.ids(MERCHANT, "zoho")[:30]
        source = ZohoList(
            path="salesorders",
            list_key="salesorders",
            detail_key="salesorder",
            ids_filter="salesorder_ids",
            filters={"status": "void"},
        )
        stream = replace(ORDERS, source=source)

        found = list(client.look_up(stream, hidden))

        assert all(each.record is not None for each in found)
        assert sorted(each.external_id for each in found) == sorted(hidden)

    def test_a_filter_that_is_not_honoured_proves_nothing(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        known = large_sandbox.control.ids(MERCHANT, "zoho")[:30]
        source = ZohoList(
            path="salesorders",
            list_key="salesorders",
            detail_key="salesorder",
            ids_filter="ids_of_another_age",
        )

        found = list(client.look_up(replace(ORDERS, source=source), known))

        assert all(each.record is not None for each in found)
        assert len(found) == 30

    def test_pulls_never_have_more_than_three_calls_in_flight(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.add_fault(
            "slow", MERCHANT, "zoho", where="detail", seconds=0.1, times=None
        )
        wanted = large_sandbox.control.ids(MERCHANT, "zoho")[:12]

        list(client.iter_details(ORDERS, wanted))

        assert large_sandbox.state.accounts[MERCHANT].limits.most_in_flight == 3


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
            {"kind": "expired_token"},
        ],
        ids=lambda fault: "-".join(map(str, fault.values())),
    )
    def test_a_passing_fault_is_not_noticed(
        self, client: ZohoClient, large_sandbox: Sandbox, fault: JsonObject
    ):
        large_sandbox.control.add_fault(
            merchant=MERCHANT, system="zoho", where="list", after=1, **fault
        )

        found = ids(client)

        assert sorted(found) == sorted(large_sandbox.control.ids(MERCHANT, "zoho"))

    @pytest.mark.parametrize("kind", ["error_500", "html_502", "cut_body", "invalid_json"])
    def test_a_lasting_fault_ends_after_three_attempts(
        self, client: ZohoClient, large_sandbox: Sandbox, kind: str
    ):
        large_sandbox.control.add_fault(kind, MERCHANT, "zoho", where="list", times=None)

        with pytest.raises(ProviderUnavailable, match="cursor did not move"):
            ids(client)

        assert calls(large_sandbox)["list"] == 3

    def test_a_page_that_fails_fails_the_listing(self, client: ZohoClient, large_sandbox: Sandbox):
        large_sandbox.control.add_fault(
            "error_500", MERCHANT, "zoho", where="list", after=1, times=None
        )

        pages = client.iter_pages(ORDERS, since=None)
        assert len(next(pages).records) == 200
        with pytest.raises(ProviderUnavailable):
            next(pages)

    def test_an_answer_without_its_list_is_refused(self, client: ZohoClient):
        source = ZohoList(path="salesorders", list_key="orders")
        stream = Stream("x", ZOHO, "orders", "", source, "salesorder_id")

        with pytest.raises(ProviderContractError, match="no list 'orders'"):
            ids(client, stream)

    def test_a_rejected_parameter_is_not_tried_again(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        source = ZohoList(path="salesorders", list_key="salesorders", sort_column="colour")
        stream = Stream("x", ZOHO, "orders", "", source, "salesorder_id")

        with pytest.raises(ProviderRejected, match="code 2"):
            ids(client, stream)

        assert calls(large_sandbox)["list"] == 1


class TestCredentials:
    def open(
        self, conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, **changes: Any
    ) -> AbstractContextManager[ZohoClient]:
        app = shops.add_zoho(conn, tenant, sandbox, **changes)
        return ZohoResource(clock_scale=60, backoff_seconds=0.01).open(app)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"client_id": "1000.UNKNOWN"}, "invalid_client"),
            ({"client_secret": "wrong"}, "invalid_client_secret"),
            ({"refresh_token": "1000.wrong"}, "invalid_code"),
        ],
        ids=["client id", "client secret", "refresh token"],
    )
    def test_wrong_ones_name_tenant_and_app_and_are_tried_once(
        self,
        conn: Connection[Any],
        large_sandbox: Sandbox,
        tenant: Tenant,
        changes: dict[str, str],
        reason: str,
    ):
        with (
            self.open(conn, large_sandbox, tenant, secrets=changes) as client,
            pytest.raises(CredentialError) as caught,
        ):
            ids(client)

        error = caught.value
        assert (error.tenant, error.app, error.reason) == (tenant.slug, "books", reason)
        assert client.calls_by_kind()["token"] == 1

    def test_revoked_ones_end_the_run_without_a_storm(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        list(client.iter_details(ORDERS, large_sandbox.control.ids(MERCHANT, "zoho")[:3]))
        large_sandbox.control.revoke_credentials(MERCHANT, "zoho")
        large_sandbox.control.reset_calls()

        with pytest.raises(CredentialError):
            ids(client)

        assert calls(large_sandbox)["total"] <= 3

    def test_a_self_client_needs_no_refresh_token(
        self, conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
    ):
        with self.open(conn, large_sandbox, tenant, secrets={"refresh_token": ""}) as client:
            assert ids(client)

    def test_a_foreign_organisation_is_named_by_its_setting(
        self, conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
    ):
        changes = {"organization_id": "99999999999"}
        with (
            self.open(conn, large_sandbox, tenant, **changes) as client,
            pytest.raises(ProviderRejected, match="organization_id"),
        ):
            ids(client)

    def test_the_check_tells_what_they_open(self, client: ZohoClient):
        facts = client.check()

        assert facts["time_zone"] == "Europe/Berlin"
        assert facts["currency_code"] == "EUR"

    def test_the_check_notices_a_foreign_organisation(
        self, conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
    ):
        changes = {"organization_id": "99999999999"}
        with (
            self.open(conn, large_sandbox, tenant, **changes) as client,
            pytest.raises(ProviderRejected, match="organization_id"),
        ):
            client.check()


class TestTokens:
    def test_one_token_serves_all_clients(
        self, app: App, resource: ZohoResource, large_sandbox: Sandbox
    ):
        for _ in range(3):
            with resource.open(app) as client:
                ids(client, since=utc_now())

        assert calls(large_sandbox)["token"] == 1

    def test_a_refused_token_is_renewed_once_for_all_threads(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        wanted = large_sandbox.control.ids(MERCHANT, "zoho")[:30]
        list(client.iter_details(ORDERS, wanted[:3]))
        large_sandbox.control.expire_tokens(MERCHANT)

        fetched = list(client.iter_details(ORDERS, wanted))

        assert len(fetched) == 30
        assert calls(large_sandbox)["token"] == 2

    def test_a_short_lived_token_is_not_renewed_before_every_call(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.set_tokens(MERCHANT, seconds=120)

        ids(client)

        assert calls(large_sandbox)["token"] == 1

    def test_the_throttle_of_the_accounts_server_is_no_credential_error(
        self, app: App, large_sandbox: Sandbox
    ):
        large_sandbox.control.add_fault("rate_limited", MERCHANT, "zoho", where="token", times=None)

        with ZohoResource().open(app) as client, pytest.raises(RateLimited):
            ids(client)

        assert calls(large_sandbox)["token"] == 1


class TestBudget:
    def test_the_providers_minute_is_never_overrun(
        self,
        conn: Connection[Any],
        large_sandbox: Sandbox,
        tenant: Tenant,
        resource: ZohoResource,
    ):
        app = shops.add_zoho(conn, tenant, large_sandbox, calls_per_minute=100)
        large_sandbox.control.set_clock_scale(60)
        large_sandbox.control.set_limits(MERCHANT, per_minute=100, concurrent=4)

        with resource.open(app, "backfill") as client:
            wanted = large_sandbox.control.ids(MERCHANT, "zoho")[:250]
            fetched = list(client.iter_details(ORDERS, wanted))

        assert len(fetched) == 250
        assert calls(large_sandbox).get("refused", 0) == 0

    def test_the_providers_own_day_ends_the_run_at_once(
        self, client: ZohoClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.set_limits(MERCHANT, per_day=2)

        with pytest.raises(QuotaExhausted):
            list(client.iter_details(ORDERS, large_sandbox.control.ids(MERCHANT, "zoho")[:50]))
        large_sandbox.control.reset_calls()
        with pytest.raises(QuotaExhausted):
            ids(client)

        assert large_sandbox.control.calls() == {}

    def test_a_webhook_gets_through_while_the_back_fill_has_used_its_share(
        self, conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
    ):
        app = shops.add_zoho(conn, tenant, large_sandbox, calls_per_day=100)
        wanted = large_sandbox.control.ids(MERCHANT, "zoho")
        resource = ZohoResource(clock_scale=60)

        with resource.open(app, "backfill") as pull, pytest.raises(QuotaExhausted):
            list(pull.iter_details(ORDERS, wanted))
        with resource.open(app, "webhook") as webhook:
            fetched = list(webhook.iter_details(ORDERS, wanted[:20]))

        assert len(fetched) == 20
        assert pull.calls_by_kind()["detail"] == 60
