"""raw/zoho_bank_charges: what Zoho's payments say that the gateway took of them."""

from collections.abc import Iterator

from resources.zoho import ZOHO
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Amount, Currency, Instant, SourceModel, Text
from schemabase_dagster.streams import JsonObject, Part, Stream

KEYS = ("payment_id", "reference_number", "bank_charges", "currency_code", "created_time")


def split_charges(payment: JsonObject) -> Iterator[JsonObject]:
    """Return the bank charges of a payment; none is no record."""
    if payment.get("bank_charges") not in {None, "", 0, "0"}:
        yield {key: payment.get(key) for key in KEYS}


class _Charge(SourceModel):
    payment_id: str
    reference_number: Text = None
    bank_charges: Amount
    currency_code: Currency
    created_time: Instant


def map_charge(record: SourceRecord) -> Candidate:
    """Map bank charges: with the gateway's id in the reference they meet the gateway's own fee."""
    charge = record.read(_Charge)
    key = f"{charge.reference_number or f'zoho:{charge.payment_id}'}:transaction"
    return Candidate(
        match_key=key,
        number=charge.reference_number,
        values={
            "cost_key": key,
            "kind": "transaction",
            "source": "bank_charges",
            "amount": charge.bank_charges,
            "currency": charge.currency_code,
            "as_of": charge.created_time,
        },
        parents={"payment": [f"#{charge.payment_id}"]},
        attrs={
            "amount": str(charge.bank_charges),
            "currency": charge.currency_code,
            "source": "bank_charges",
        },
    )


ZOHO_BANK_CHARGES = Stream(
    name="zoho_bank_charges",
    system=ZOHO,
    group="payments",
    entity="transaction_cost",
    description=(
        "Bank charges that Zoho's customer payments note: the fee of the gateway as it was "
        "booked. They lie inside the payments and land with them."
    ),
    source=None,
    id_field="payment_id",
    id_prefix="charge:",
    mapper=map_charge,
    part=Part("zoho_customer_payments", split_charges, "payment_id", is_whole=True),
)
