"""The stand-in of Braintree, asked by the official SDK: two-step search, windows, refusals."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import braintree
import pytest
from braintree.exceptions.authentication_error import AuthenticationError
from braintree.exceptions.not_found_error import NotFoundError
from braintree.exceptions.request_timeout_error import RequestTimeoutError
from braintree.exceptions.too_many_requests_error import TooManyRequestsError

from sandbox.runner import Sandbox

MERCHANT = "acme"
Search = braintree.TransactionSearch


def connect(sandbox: Sandbox, **keys: str) -> Any:
    info = {**sandbox.info["merchants"][MERCHANT]["braintree"], **keys}
    host, _, port = info["api_url"].removeprefix("http://").partition(":")
    here = braintree.Environment("here", host, port, "", False, None, host, port)
    return braintree.BraintreeGateway(
        braintree.Configuration(
            here,
            merchant_id=info["merchant_id"],
            public_key=info["public_key"],
            private_key=info["private_key"],
        )
    )


@pytest.fixture
def gateway(sandbox: Sandbox) -> Iterator[Any]:
    opened = connect(sandbox)
    yield opened
    opened.config.close()


def calls(sandbox: Sandbox) -> int:
    return int(sandbox.control.calls()[MERCHANT]["braintree"]["total"])


def test_a_search_gives_all_ids_at_once_and_the_records_in_pieces_of_fifty(
    gateway: Any, sandbox: Sandbox
):
    found = gateway.transaction.search([])
    records = list(found.items)

    assert len(records) == len(found.ids) > 100
    assert calls(sandbox) == 1 + -(-len(records) // 50)
    assert [each.created_at for each in records] == sorted(
        (each.created_at for each in records), reverse=True
    )


def test_refunds_are_transactions_that_both_sides_name(gateway: Any):
    credits_ = list(gateway.transaction.search([Search.refund == True]).items)  # noqa: E712 - the SDK's way

    assert credits_
    for credit in credits_:
        sale = gateway.transaction.find(credit.refunded_transaction_id)
        assert credit.type == "credit"
        assert credit.id in sale.refund_ids
        assert credit.amount <= sale.amount


def test_times_have_whole_minutes_with_the_last_one_included(gateway: Any):
    newest = next(gateway.transaction.search([]).items)
    minute = newest.created_at.replace(second=0, microsecond=0)

    def ids(first: datetime, last: datetime) -> list[str]:
        return list(gateway.transaction.search([Search.created_at.between(first, last)]).ids)

    assert newest.id in ids(minute, minute)
    assert newest.id not in ids(minute + timedelta(minutes=1), minute + timedelta(minutes=9))
    assert newest.id not in ids(minute - timedelta(minutes=9), minute - timedelta(minutes=1))


def test_criteria_are_combined(gateway: Any):
    wanted = [Search.type == "sale", Search.status.in_list(["settled"]),
              Search.payment_instrument_type.in_list(["paypal_account"])]  # fmt: skip
    records = list(gateway.transaction.search(wanted).items)

    assert records
    assert {(r.type, r.status, r.payment_instrument_type) for r in records} == {
        ("sale", "settled", "paypal_account")
    }


def test_paypal_tells_its_fee_and_cards_do_not(gateway: Any):
    sales = gateway.transaction.search([Search.type == "sale", Search.status == "settled"]).items
    fees = {
        sale.payment_instrument_type: sale.paypal_details.transaction_fee_amount
        for sale in sales
        if hasattr(sale, "paypal_details")
    }

    assert fees.keys() == {"paypal_account"}


def test_a_search_may_be_cut_without_a_word(gateway: Any, sandbox: Sandbox):
    sandbox.control.set_search_limit(MERCHANT, 10)

    assert len(gateway.transaction.search([]).ids) == 10


def test_the_fee_report_is_found_by_graphql(gateway: Any):
    query = "query Fees($date: Date!, $account: ID) { report { url } }"
    day = datetime.now(UTC).date()
    urls = set()
    for back in range(60):
        variables = {"date": str(day - timedelta(days=back)), "account": "acme_eur"}
        answer = gateway.graphql_client.query(query, variables, "Fees")
        urls.add(answer["data"]["report"]["paymentLevelFees"]["url"])

    assert None in urls
    assert len(urls) > 1


def test_wrong_keys_are_refused(sandbox: Sandbox):
    stranger = connect(sandbox, private_key="0" * 32)

    with pytest.raises(AuthenticationError):
        stranger.transaction.search([])
    with pytest.raises(AuthenticationError):
        stranger.graphql_client.query("query { ping }", {}, "Fees")


def test_an_unknown_transaction_is_not_found(gateway: Any):
    with pytest.raises(NotFoundError):
        gateway.transaction.find("nobody00")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limited", TooManyRequestsError),
        ("refused_422", RequestTimeoutError),
        ("wrong_root", RequestTimeoutError),
    ],
)
def test_faults_mean_to_the_sdk_what_they_mean_at_the_vendor(
    gateway: Any, sandbox: Sandbox, fault: str, error: type[Exception]
):
    sandbox.control.add_fault(fault, MERCHANT, "braintree")

    with pytest.raises(error):
        gateway.transaction.search([])


def test_what_the_shop_charged_is_what_the_gateway_has(gateway: Any, sandbox: Sandbox):
    known = {each.id: each.amount for each in gateway.transaction.search([]).items}
    for order_id in sandbox.control.ids(MERCHANT, "saleor"):
        order = sandbox.control.document(MERCHANT, "saleor", order_id)
        for transaction in order["transactions"]:
            charged = transaction["events"][0]["amount"]["amount"]
            assert float(known[transaction["pspReference"]]) == charged
