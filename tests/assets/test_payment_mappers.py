"""Mappers of payments, refunds, disputes and fees, with the odd cases of their systems."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from assets.disputes import saleor as shop_disputes
from assets.disputes.braintree import map_dispute
from assets.payments import braintree, saleor
from assets.refunds import braintree as gateway_refunds
from assets.refunds import saleor as shop_refunds
from assets.transaction_costs.braintree import map_fee, map_report_row, split_fees
from resources.braintree import BraintreeConfig
from resources.saleor import SaleorConfig
from sandbox.saleor.shapes import global_id
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.clock import parse_instant
from schemabase_dagster.errors import RecordRejected

GATEWAY = BraintreeConfig(merchant_id="m1", shop_prefix="STORE")
SHOP = SaleorConfig(api_url="https://shop.example/graphql/", order_prefix="STORE")
FEE = "transaction_fee"
BACK = "refund_from_transaction_fee"


def at(text: str) -> Any:
    return parse_instant(text)


def transaction(**fields: Any) -> dict[str, Any]:
    """A settled card sale; ``history`` are (time, status)."""
    history = fields.pop("history", [("2026-03-01T09:14:07Z", "submitted_for_settlement"),
                                     ("2026-03-02T09:14:07Z", "settled")])  # fmt: skip
    return {
        "id": "7k2m9x0q",
        "type": "sale",
        "status": "settled",
        "amount": "84.90",
        "currency_iso_code": "EUR",
        "merchant_account_id": "acme_eur",
        "order_id": "STORE-1042",
        "created_at": "2026-03-01T09:14:00Z",
        "updated_at": "2026-03-02T09:14:07Z",
        "payment_instrument_type": "credit_card",
        "status_history": [{"timestamp": t, "status": s, "amount": "84.90"} for t, s in history],
        **fields,
    }


def mapped(mapper: Any, payload: dict[str, Any], config: Any = GATEWAY) -> Candidate:
    record = SourceRecord(str(payload.get("id")), orjson.dumps(payload).decode(), config, None)
    candidate: Candidate = mapper(record)
    return candidate


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {"status": "paid", "method_type": "card", "gateway": "braintree",
            "amount": Decimal("84.90"), "paid_at": at("2026-03-01T09:14:07Z")}, id="card"),
        pytest.param({"payment_instrument_type": "apple_pay_card"},
            {"method_type": "card", "instrument": "apple_pay_card"}, id="Apple Pay is a card"),
        pytest.param({"payment_instrument_type": "paypal_account"},
            {"method_type": "paypal"}, id="PayPal"),
        pytest.param({"payment_instrument_type": "carrier_pigeon"},
            {"method_type": "other", "instrument": "carrier_pigeon"}, id="unknown instrument"),
        pytest.param({"status": "submitted_for_settlement", "history": []},
            {"status": "paid", "paid_at": at("2026-03-01T09:14:00Z")}, id="captured"),
        pytest.param({"status": "submitted_for_settlement",
            "payment_instrument_type": "sepa_debit_account"},
            {"status": "pending", "method_type": "sepa_debit"}, id="SEPA before it settled"),
        pytest.param({"status": "settled", "payment_instrument_type": "sepa_debit_account"},
            {"status": "paid"}, id="SEPA settled"),
        pytest.param({"status": "authorized"}, {"status": "authorized"}, id="authorised"),
        pytest.param({"status": "authorization_expired"}, {"status": "canceled"}, id="expired"),
        pytest.param({"status": "voided"}, {"status": "canceled"}, id="voided"),
        pytest.param({"status": "settlement_declined"}, {"status": "failed"}, id="declined late"),
        pytest.param({"amount": "5200", "currency_iso_code": "JPY"},
            {"amount": Decimal(5200), "currency": "JPY"}, id="currency without minor units"),
    ],
)  # fmt: skip
def test_a_sale_becomes_a_payment(fields: dict[str, Any], expected: dict[str, Any]):
    payment = mapped(braintree.map_payment, transaction(**fields))

    assert {name: payment.values[name] for name in expected} == expected
    assert payment.match_key == payment.values["reference_number"] == "7k2m9x0q"


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        pytest.param({}, True, id="settled"),
        pytest.param({"status": "voided", "history": [("2026-03-01T09:14:07Z", "authorized")]},
            True, id="voided after authorisation"),
        pytest.param({"status": "failed"}, True, id="failed after capture"),
        pytest.param({"status": "processor_declined", "history": []}, False, id="declined"),
        pytest.param({"status": "gateway_rejected", "history": []}, False, id="rejected"),
        pytest.param({"status": "authorizing", "history": []}, False, id="under way"),
        pytest.param({"type": "credit"}, False, id="credit"),
        pytest.param({"status": "settlement_confirmed",
            "partial_settlement_transaction_ids": ["a", "b"]}, False, id="captured in parts"),
    ],
)  # fmt: skip
def test_attempts_are_no_payments(fields: dict[str, Any], kept: bool):
    assert bool(list(braintree.split_sales(transaction(**fields)))) is kept


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("STORE-1042", {"order": ["STORE-1042"]}),
        ("1042", {"order": ["STORE-1042"]}),
        ("#1042", {"order": ["STORE-1042"]}),
        (None, {}),
        ("", {}),
    ],
)
def test_the_order_of_a_sale_is_what_the_shop_told(told: str | None, expected: dict[str, Any]):
    payment = mapped(braintree.map_payment, transaction(order_id=told))

    assert payment.parents == expected


def test_a_settlement_names_payout_amount_and_rate():
    paid = {
        "disbursement_date": "2026-03-04",
        "settlement_amount": "92.12",
        "settlement_currency_iso_code": "USD",
        "settlement_currency_exchange_rate": "1.0850",
    }
    values = mapped(braintree.map_payment, transaction(disbursement=paid)).values

    assert values["settlement_amount"] == Decimal("92.12")
    assert (values["settlement_currency"], values["settlement_rate"]) == ("USD", Decimal("1.0850"))
    assert values["payout_reference"] == "acme_eur/2026-03-04"


def test_money_that_is_not_paid_out_has_no_settlement():
    empty = {"disbursement_date": None, "settlement_amount": None}

    assert "settled_on" not in mapped(braintree.map_payment, transaction(disbursement=empty)).values


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("submitted_for_settlement", "pending"),
        ("settled", "succeeded"),
        ("settlement_declined", "failed"),
        ("voided", "canceled"),
    ],
)
def test_a_credit_becomes_a_refund(status: str, expected: str):
    history = [("2026-03-09T10:00:00Z", "settled")] if status == "settled" else []
    credit = transaction(id="m4c8r2kx", type="credit", status=status, history=history,
                         amount="59.50", refunded_transaction_id="7k2m9x0q")  # fmt: skip
    refund = mapped(gateway_refunds.map_refund, credit)

    assert (refund.match_key, refund.values["status"]) == ("m4c8r2kx", expected)
    assert refund.parents == {"payment": ["7k2m9x0q"], "order": ["STORE-1042"]}
    assert refund.values["refunded_at"] == (at(history[0][0]) if history else None)


def test_a_credit_without_a_sale_is_a_refund_of_nothing():
    credit = transaction(type="credit", order_id=None, refunded_transaction_id=None)

    assert mapped(gateway_refunds.map_refund, credit).parents == {}


@pytest.mark.parametrize(
    ("block", "instrument", "source"),
    [
        ("paypal", "paypal_account", "paypal_fee"),
        ("local_payment", "local_payment", "local_payment_fee"),
        ("sepa_debit", "sepa_debit_account", "sepa_fee"),
    ],
)
def test_a_fee_is_read_where_the_method_tells_it(block: str, instrument: str, source: str):
    told = {f"{FEE}_amount": "2,46", f"{FEE}_currency_iso_code": "USD"}
    sale = transaction(payment_instrument_type=instrument, **{block: told})

    (fee,) = (mapped(map_fee, part) for part in split_fees(sale))

    assert (fee.values["amount"], fee.values["currency"]) == (Decimal("2.46"), "USD")
    assert (fee.values["kind"], fee.values["source"]) == ("transaction", source)
    assert fee.match_key == "7k2m9x0q:transaction"
    assert fee.parents == {"payment": ["7k2m9x0q"]}


def test_what_a_refund_gives_back_of_a_fee_is_negative():
    told = {f"{BACK}_amount": "0.60", f"{BACK}_currency_iso_code": "EUR"}
    credit = transaction(id="m4c8r2kx", type="credit", refunded_transaction_id="7k2m9x0q",
                         paypal=told)  # fmt: skip
    (fee,) = (mapped(map_fee, part) for part in split_fees(credit))

    assert (fee.values["kind"], fee.values["amount"]) == ("fee_return", Decimal("-0.60"))
    assert fee.parents == {"payment": ["7k2m9x0q"], "refund": ["m4c8r2kx"]}


@pytest.mark.parametrize("told", [None, {}, {f"{FEE}_amount": None}, {f"{FEE}_amount": ""}])
def test_a_fee_that_is_not_told_is_not_zero(told: dict[str, Any] | None):
    assert list(split_fees(transaction(paypal=told))) == []


def report_row(**columns: Any) -> dict[str, Any]:
    return {
        "Transaction ID": "7k2m9x0q",
        "Transaction Type": "sale",
        "Settlement Currency": "EUR",
        "disbursed_at": "2026-03-04T00:00:00Z",
        **columns,
    }


@pytest.mark.parametrize(
    ("columns", "kind", "amount", "parents"),
    [
        pytest.param({"Total Fee Amount": "2.79"}, "transaction", "2.79",
            {"payment": ["7k2m9x0q"]}, id="flat pricing"),
        pytest.param({"Est. Total Fee Amount": "1.12"}, "transaction", "1.12",
            {"payment": ["7k2m9x0q"]}, id="interchange plus"),
        pytest.param({"Total Fee Amount": "0"}, "transaction", "0",
            {"payment": ["7k2m9x0q"]}, id="free"),
        pytest.param({"Total Fee Amount": "-0.60", "Transaction Type": "credit",
            "Original Transaction ID": "s1"}, "fee_return", "-0.60",
            {"payment": ["s1"], "refund": ["7k2m9x0q"]}, id="given back"),
        pytest.param({"Total Fee Amount": "0.10", "Transaction Type": "credit",
            "Original Transaction ID": "s1"}, "refund", "0.10",
            {"payment": ["s1"], "refund": ["7k2m9x0q"]}, id="charged for a refund"),
    ],
)  # fmt: skip
def test_a_card_fee_is_read_from_the_report(
    columns: dict[str, Any], kind: str, amount: str, parents: dict[str, Any]
):
    fee = mapped(map_report_row, report_row(**columns))

    assert (fee.values["kind"], fee.values["amount"]) == (kind, Decimal(amount))
    assert fee.values["source"] == "fee_report"
    assert fee.parents == parents


def test_a_row_of_the_report_without_total_is_rejected():
    with pytest.raises(RecordRejected, match="Total Fee Amount"):
        mapped(map_report_row, report_row())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, ("open", "99.69", "0"), id="open: the money is gone"),
        pytest.param({"kind": "retrieval"}, ("open", "0", "0"), id="retrieval moves no money"),
        pytest.param({"status": "won", "amount_won": "99.69"}, ("won", "99.69", "99.69"), id="won"),
        pytest.param({"status": "lost", "amount_won": "99.69"}, ("lost", "99.69", "0"), id="lost"),
        pytest.param({"status": "auto_accepted"}, ("accepted", "99.69", "0"), id="auto accepted"),
    ],
)
def test_a_dispute_says_what_money_it_moved(fields: dict[str, Any], expected: tuple[str, str, str]):
    dispute = {
        "id": "d1",
        "kind": "chargeback",
        "status": "open",
        "amount_disputed": "99.69",
        "currency_iso_code": "EUR",
        "received_date": "2026-03-09",
        "transaction_id": "7k2m9x0q",
        **fields,
    }
    values = mapped(map_dispute, dispute).values

    status, withdrawn, returned = expected
    assert values["status"] == status
    assert values["funds_withdrawn"] == Decimal(withdrawn)
    assert values["funds_returned"] == Decimal(returned)


def test_a_dispute_names_the_one_it_goes_on_from():
    dispute = {"id": "d2", "kind": "pre_arbitration", "status": "open", "amount_disputed": "9.00",
               "currency_iso_code": "EUR", "original_dispute_id": "d1",
               "transaction_id": "t"}  # fmt: skip

    assert mapped(map_dispute, dispute).parents == {"payment": ["t"], "dispute": ["#d1"]}


def money(amount: float) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


ORDER = {"id": "T3JkZXI6YQ==", "number": "1042", "externalReference": None}


def payment(*steps: tuple[str, str, float], **fields: Any) -> dict[str, Any]:
    """A payment of the older kind; steps are (kind, token, amount)."""
    return {
        "id": "UGF5bWVudDo5",
        "gateway": "mirumee.payments.braintree",
        "paymentMethodType": "card",
        "pspReference": "",
        "isActive": True,
        "chargeStatus": "FULLY_CHARGED",
        "created": "2026-03-01T09:14:00+00:00",
        "modified": "2026-03-01T09:14:00+00:00",
        "total": money(75.0),
        "capturedAmount": money(75.0),
        "creditCard": {"brand": "Visa"},
        "transactions": [
            {"id": global_id("Transaction", number), "kind": kind, "isSuccess": True,
             "token": token,
             "amount": money(amount), "created": "2026-03-01T09:14:05+00:00"}
            for number, (kind, token, amount) in enumerate(steps)
        ],
        "order": ORDER,
        **fields,
    }  # fmt: skip


CAPTURE = ("CAPTURE", "7k2m9x0q", 75.0)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(payment(CAPTURE), {"reference_number": "7k2m9x0q", "status": "paid",
            "gateway": "braintree", "method_type": "card", "amount": Decimal("75.0")}, id="card"),
        pytest.param(payment(CAPTURE, creditCard=None), {"method_type": "paypal"},
            id="PayPal that the plugin calls a card"),
        pytest.param(payment(CAPTURE, creditCard=None, paymentMethodType=""),
            {"method_type": "card"}, id="Apple Pay that has no type"),
        pytest.param(payment(("AUTH", "7k2m9x0q", 75.0), CAPTURE),
            {"reference_number": "7k2m9x0q"}, id="authorised before"),
        pytest.param(payment(CAPTURE, ("REFUND", "m4c8r2kx", 25.0), capturedAmount=money(50.0),
            chargeStatus="PARTIALLY_REFUNDED"), {"amount": Decimal("75.0"), "status": "paid"},
            id="what went back is no part of it"),
        pytest.param(payment(CAPTURE, ("REFUND", "m4c8r2kx", 75.0), capturedAmount=money(0.0),
            chargeStatus="FULLY_REFUNDED", isActive=False),
            {"amount": Decimal("75.0"), "status": "paid"}, id="all went back"),
        pytest.param(payment(("CAPTURE", "NONE_VORKASSE_TOKEN", 75.0),
            gateway="app:17:triebwork.payments.rechnung"),
            {"reference_number": "STORE-1042-P9", "gateway": "banktransfer",
             "method_type": "banktransfer"}, id="placeholder token"),
        pytest.param(payment(("AUTH", "7k2m9x0q", 75.0), chargeStatus="NOT_CHARGED",
            capturedAmount=money(0.0)), {"status": "authorized", "amount": Decimal("75.0")},
            id="authorised only"),
    ],
)  # fmt: skip
def test_an_older_payment_of_the_shop(source: dict[str, Any], expected: dict[str, Any]):
    values = mapped(saleor.map_payment, source, SHOP).values

    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("field", "split", "good", "bad"),
    [
        ("payments", saleor.split_payments, {"transactions": [{"isSuccess": True}]},
         {"transactions": [{"isSuccess": False}]}),
        ("transactions", saleor.split_transactions, {"events": [{"type": "CHARGE_SUCCESS"}]},
         {"events": [{"type": "CHARGE_FAILURE"}]}),
    ],
    ids=["older payments", "transactions"],
)  # fmt: skip
def test_what_moved_no_money_is_left_in_its_order(field: str, split: Any, good: Any, bad: Any):
    order = {"id": "T3JkZXI6MQ==", "number": "1042", field: [{"id": "1", **good}, bad, None]}

    (part,) = split(order)

    assert part["id"] == "1"
    assert part["order"]["id"] == order["id"]
    assert list(split({"id": "T3JkZXI6MQ=="})) == []


def test_a_placeholder_token_matches_nothing():
    source = payment(("CAPTURE", "NONE_VORKASSE_TOKEN", 75.0))

    assert mapped(saleor.map_payment, source, SHOP).match_key is None


def shop_transaction(*events: tuple[str, str, float], **fields: Any) -> dict[str, Any]:
    """A transaction with (type, reference, amount), one a minute."""
    return {
        "id": "VHJhbnNhY3Rpb25JdGVtOmE=",
        "name": "Braintree",
        "pspReference": "7k2m9x0q",
        "createdAt": "2026-03-01T09:14:00+00:00",
        "modifiedAt": "2026-03-01T09:15:00+00:00",
        "authorizedAmount": money(0.0),
        "chargedAmount": money(75.0),
        "chargePendingAmount": money(0.0),
        "createdBy": {"name": "Payments"},
        "privateMetadata": [],
        "events": [
            {"id": global_id("TransactionEvent", number), "type": kind, "pspReference": psp,
             "createdAt": f"2026-03-01T09:{14 + number}:00+00:00", "message": "",
             "amount": money(amount)}
            for number, (kind, psp, amount) in enumerate(events)
        ],
        "order": ORDER,
        **fields,
    }  # fmt: skip


CHARGED = ("CHARGE_SUCCESS", "7k2m9x0q", 75.0)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(shop_transaction(CHARGED), {"status": "paid", "amount": Decimal("75.0"),
            "gateway": "braintree", "reference_number": "7k2m9x0q"}, id="charged"),
        pytest.param(shop_transaction(CHARGED, ("REFUND_SUCCESS", "m4", 25.0),
            chargedAmount=money(50.0)), {"amount": Decimal("75.0")}, id="partly paid back"),
        pytest.param(shop_transaction(("CHARGE_SUCCESS", "a", 30.0), ("CHARGE_SUCCESS", "b", 45.0)),
            {"amount": Decimal("75.0")}, id="charged in two parts"),
        pytest.param(shop_transaction(CHARGED, pspReference=""),
            {"reference_number": "7k2m9x0q"}, id="only the event has the reference"),
        pytest.param(shop_transaction(("AUTHORIZATION_SUCCESS", "7k2m9x0q", 75.0),
            authorizedAmount=money(75.0), chargedAmount=money(0.0)),
            {"status": "authorized", "amount": Decimal("75.0")}, id="authorised"),
        pytest.param(shop_transaction(CHARGED, ("CHARGE_FAILURE", "7k2m9x0q", 75.0),
            chargedAmount=money(0.0)), {"status": "failed"}, id="failed late"),
        pytest.param(shop_transaction(CHARGED, pspReference="40012345-500123456",
            createdBy={"name": "Authorize.net"}), {"profile_id": "40012345-500123456",
            "gateway": "authorize_net", "method_type": "card"}, id="profile, not a transaction"),
        pytest.param(shop_transaction(CHARGED, createdBy={"name": "Manual Payment Method"},
            name="", privateMetadata=[{"key": "method", "value": "customerCredit"}]),
            {"gateway": "banktransfer", "method_type": "customer_credit"}, id="credit"),
    ],
)  # fmt: skip
def test_a_transaction_of_the_shop(source: dict[str, Any], expected: dict[str, Any]):
    values = mapped(saleor.map_transaction, source, SHOP).values

    assert {name: values[name] for name in expected} == expected


def grant(number: int, amount: float) -> dict[str, Any]:
    return {
        "id": global_id("OrderGrantedRefund", number),
        "createdAt": f"2026-03-09T10:0{number}:00+00:00",
        "amount": money(amount),
        "reason": "too small",
    }


def shop_refunds_of(order: dict[str, Any]) -> list[Candidate]:
    parts = shop_refunds.split_refunds({**ORDER, **order})
    return [mapped(shop_refunds.map_refund, part, SHOP) for part in parts]


def said(candidates: list[Candidate]) -> list[tuple[Any, ...]]:
    return [
        (each.match_key, each.values.get("status"), str(each.values.get("amount")))
        for each in candidates
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([("REFUND_SUCCESS", "m4", 25.0)], [("m4", "succeeded", "25.0")], id="alone"),
        pytest.param([("REFUND_REQUEST", "m4", 25.0)], [("m4", "pending", "25.0")], id="asked"),
        pytest.param([("REFUND_REQUEST", "m4", 25.0), ("REFUND_SUCCESS", "m4", 25.0)],
            [("m4", "succeeded", "25.0")], id="asked and paid"),
        pytest.param([("REFUND_SUCCESS", "m4", 25.0), ("REFUND_FAILURE", "m4", 25.0)],
            [("m4", "failed", "25.0")], id="failed late"),
        pytest.param([("REFUND_SUCCESS", "m4", 25.0), ("REFUND_REVERSE", "m4", 25.0)],
            [("m4", "reversed", "25.0")], id="reversed"),
        pytest.param([("REFUND_SUCCESS", "m4", 25.0), ("REFUND_SUCCESS", "m5", 25.0)],
            [("m4", "succeeded", "25.0"), ("m5", "succeeded", "25.0")], id="two of one amount"),
    ],
)  # fmt: skip
def test_refund_events_are_one_refund_per_reference(
    events: list[tuple[str, str, float]], expected: list[tuple[Any, ...]]
):
    assert said(shop_refunds_of({"transactions": [shop_transaction(CHARGED, *events)]})) == expected


def test_an_event_without_reference_has_a_key_of_its_own():
    events = shop_transaction(CHARGED, ("REFUND_REQUEST", "", 25.0))
    (refund,) = shop_refunds_of({"transactions": [events]})

    assert refund.match_key is not None
    assert refund.match_key.startswith("STORE-1042-R")
    assert refund.values["status"] == "requested"


def test_a_grant_waits_as_a_request_until_it_is_paid():
    (refund,) = shop_refunds_of({"grantedRefunds": [grant(1, 25.0)]})

    assert (refund.values["status"], refund.values["reason"]) == ("requested", "too small")


def test_a_grant_and_its_payment_are_one_refund():
    events = shop_transaction(CHARGED, ("REFUND_SUCCESS", "m4", 25.0))
    paid, granted = shop_refunds_of({"transactions": [events], "grantedRefunds": [grant(1, 25.0)]})

    assert granted.match_key == paid.match_key == "m4"
    assert "amount" not in granted.values
    assert granted.values["reason"] == "too small"


def test_a_grant_of_another_amount_is_a_refund_of_its_own():
    events = shop_transaction(CHARGED, ("REFUND_SUCCESS", "m4", 25.0))
    refunds = shop_refunds_of({"transactions": [events], "grantedRefunds": [grant(1, 30.0)]})

    assert len({refund.match_key for refund in refunds}) == 2


def test_a_grant_of_nothing_is_left_out():
    assert shop_refunds_of({"grantedRefunds": [grant(1, 0.0)]}) == []


@pytest.mark.parametrize(("token", "own"), [("m4c8r2kx", False), ("7k2m9x0q", True)])
def test_a_step_of_an_older_payment_is_a_refund(token: str, own: bool):
    steps = payment(CAPTURE, ("REFUND", token, 25.0))
    (refund,) = shop_refunds_of({"payments": [steps]})

    assert (refund.match_key == "STORE-1042-R1") is own
    assert refund.parents == {"order": [f"#{ORDER['id']}"], "payment": ["#UGF5bWVudDo5"]}


def chargebacks_of(*events: tuple[str, str, float]) -> list[Candidate]:
    order = {**ORDER, "transactions": [shop_transaction(CHARGED, *events)]}
    parts = shop_disputes.split_chargebacks(order)
    return [mapped(shop_disputes.map_chargeback, part, SHOP) for part in parts]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([("REFUND_SUCCESS", "m4", 25.0)], [], id="a refund is none"),
        pytest.param([("CHARGE_BACK", "case1", 75.0)], [("case1", "75.0")], id="names the case"),
        pytest.param([("CHARGE_BACK", "7k2m9x0q", 75.0)], [("STORE-1042-D1", "75.0")],
            id="repeats the payment's reference"),
        pytest.param([("CHARGE_BACK", "", 75.0)], [("STORE-1042-D1", "75.0")], id="names nothing"),
        pytest.param([("CHARGE_BACK", "case1", 40.0), ("CHARGE_BACK", "case2", 35.0)],
            [("case1", "40.0"), ("case2", "35.0")], id="two cases"),
        pytest.param([("CHARGE_BACK", "case1", 75.0), ("CHARGE_BACK", "case1", 70.0)],
            [("case1", "70.0")], id="of one case the newest event"),
    ],
)  # fmt: skip
def test_a_chargeback_of_the_shop_is_a_dispute(
    events: list[tuple[str, str, float]], expected: list[tuple[str, str]]
):
    found = chargebacks_of(*events)

    assert [(each.match_key, str(each.values["funds_withdrawn"])) for each in found] == expected
    for each in found:
        assert (each.values["kind"], each.values["status"]) == ("chargeback", "open")
        assert each.parents == {"payment": [f"#{shop_transaction()['id']}"]}
