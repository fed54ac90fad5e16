"""The Braintree client against the sandbox: windows, splitting, ids, faults, the fee report."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from assets.disputes.braintree import BRAINTREE_DISPUTES
from assets.payments.braintree import BRAINTREE_TRANSACTIONS
from assets.transaction_costs.braintree import BRAINTREE_FEE_REPORT
from resources.braintree.client import BraintreeClient
from resources.braintree.resource import BraintreeResource
from sandbox.runner import Sandbox
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
)
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops

MERCHANT = "acme"
QUICK = BraintreeResource(
    backoff_seconds=0.01, rate_limit_seconds=0.01, max_wait_seconds=2.0, attempts=2
)


@pytest.fixture
def client(braintree_app: App) -> Iterator[BraintreeClient]:
    with QUICK.open(braintree_app) as opened:
        yield opened


def records(client: BraintreeClient, stream: Stream, **options: Any) -> list[dict[str, Any]]:
    options = {"since": None, **options}
    return [row for page in client.iter_pages(stream, **options) for row in page.records]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def calls(sandbox: Sandbox, kind: str) -> int:
    counted = sandbox.control.calls()[MERCHANT]["braintree"]
    return int(counted.get(kind, 0))


def test_a_whole_listing_shows_every_transaction_once(client: BraintreeClient, sandbox: Sandbox):
    rows = records(client, BRAINTREE_TRANSACTIONS)

    assert sorted(ids(rows)) == sorted(sandbox.control.ids(MERCHANT, "braintree", "transactions"))


def test_a_search_that_reaches_the_limit_is_split(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox
):
    sandbox.control.set_search_limit(MERCHANT, 50)
    app = shops.add_braintree(conn, tenant, sandbox, search_limit=50, window_days=90)
    with QUICK.open(app) as client:
        rows = records(client, BRAINTREE_TRANSACTIONS)

    assert sorted(ids(rows)) == sorted(sandbox.control.ids(MERCHANT, "braintree", "transactions"))


def test_a_listing_goes_on_from_the_window_that_was_interrupted(client: BraintreeClient):
    pages = list(client.iter_pages(BRAINTREE_TRANSACTIONS, since=None))
    middle = len(pages) // 2

    rest = list(client.iter_pages(BRAINTREE_TRANSACTIONS, since=None, resume=pages[middle].resume))

    shown = {row["id"] for page in pages[: middle + 1] for row in page.records}
    again = {row["id"] for page in rest for row in page.records}
    assert shown | again == {row["id"] for page in pages for row in page.records}
    assert len(again) < len(shown | again)


def test_what_settled_since_is_found_though_it_was_made_before(
    client: BraintreeClient, sandbox: Sandbox
):
    paid = sandbox.control.change_orders(MERCHANT, "saleor", 1, "status")
    sandbox.control.pass_time(1)
    sandbox.control.settle_payments(MERCHANT)

    since = datetime.now(UTC) - timedelta(minutes=1)
    rows = records(client, BRAINTREE_TRANSACTIONS, since=since)

    assert paid
    assert len(ids(rows)) == len(set(ids(rows)))
    assert {row["status"] for row in rows} == {"settled"}


def test_records_hold_neither_persons_nor_cards(client: BraintreeClient):
    text = str(records(client, BRAINTREE_TRANSACTIONS))

    assert "never-stored" not in text
    assert "411111" not in text


def test_fetching_by_id_tells_which_are_gone(client: BraintreeClient, sandbox: Sandbox):
    known = sandbox.control.ids(MERCHANT, "braintree", "transactions")[0]

    found = list(client.iter_details(BRAINTREE_TRANSACTIONS, [known, "unknown1"]))

    assert [(each.external_id, each.record is None) for each in found] == [
        (known, False), ("unknown1", True)
    ]  # fmt: skip


def test_disputes_are_listed_and_fetched_by_id(client: BraintreeClient, sandbox: Sandbox):
    expected = sandbox.control.ids(MERCHANT, "braintree", "disputes")

    assert sorted(ids(records(client, BRAINTREE_DISPUTES))) == sorted(expected)
    found = list(client.iter_details(BRAINTREE_DISPUTES, [expected[0], "nobody"]))
    assert [each.record is not None for each in found] == [True, False]


def test_the_fee_report_is_read_day_by_day_for_every_merchant_account(client: BraintreeClient):
    since = datetime.now(UTC) - timedelta(days=60)

    rows = records(client, BRAINTREE_FEE_REPORT, since=since)

    assert rows
    assert {"Transaction ID", "Total Fee Amount", "disbursed_at"} <= rows[0].keys()
    assert "First 6 of CC" not in rows[0]
    assert min(row["disbursed_at"] for row in rows) >= since.date().isoformat()


def test_keys_that_are_revoked_are_named_as_such(client: BraintreeClient, sandbox: Sandbox):
    sandbox.control.revoke_credentials(MERCHANT, "braintree")

    with pytest.raises(CredentialError):
        records(client, BRAINTREE_TRANSACTIONS)
    with pytest.raises(CredentialError):
        client.check()


def test_a_throttled_call_is_made_again(client: BraintreeClient, sandbox: Sandbox):
    sandbox.control.add_fault("rate_limited", MERCHANT, "braintree", retry_after=0)

    assert records(client, BRAINTREE_TRANSACTIONS)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("refused_422", ProviderRejected),
        ("wrong_root", ProviderContractError),
        ("error_500", ProviderUnavailable),
        ("cut_body", ProviderUnavailable),
    ],
)
def test_a_bad_answer_ends_the_listing_with_its_meaning(
    client: BraintreeClient, sandbox: Sandbox, fault: str, error: type[Exception]
):
    sandbox.control.add_fault(fault, MERCHANT, "braintree", times=None)

    with pytest.raises(error):
        records(client, BRAINTREE_TRANSACTIONS)


def test_the_check_names_the_merchant_accounts(client: BraintreeClient):
    assert "acme_eur (EUR)" in client.check()["merchant accounts"]
