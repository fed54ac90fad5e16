"""Models of the records in raw, and what payments, refunds and fees read from them alike."""

from datetime import datetime
from typing import Any, Final

from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    Instant,
    OptionalAmount,
    OptionalDate,
    SourceModel,
    Text,
)

METHOD_TYPES: Final = {
    "paypal_account": "paypal",
    "paypal_here": "paypal",
    "credit_card": "card",
    "apple_pay_card": "card",
    "android_pay_card": "card",
    "masterpass_card": "card",
    "samsung_pay_card": "card",
    "venmo_account": "card",
    "visa_checkout_card": "card",
    "amex_express_checkout_card": "card",
    "meta_checkout_card": "card",
    "meta_checkout_token": "card",
    "local_payment": "local_payment",
    "sepa_debit_account": "sepa_debit",
    "europe_bank_account": "sepa_debit",
    "us_bank_account": "echeck",
}
"""Payment instrument -> how the customer paid (Braintree, payment instrument types)."""


class _Event(SourceModel):
    timestamp: Instant
    status: str


class _Disbursement(SourceModel):
    disbursement_date: OptionalDate = None
    settlement_amount: OptionalAmount = None
    settlement_currency_iso_code: Text = None
    settlement_currency_exchange_rate: OptionalAmount = None


class PayPal(SourceModel):
    """What PayPal tells beside: its own ids."""

    authorization_id: Text = None
    capture_id: Text = None
    refund_id: Text = None


class Transaction(SourceModel):
    """A sale or a credit."""

    id: str
    type: str
    status: str
    amount: Amount
    currency_iso_code: Currency
    merchant_account_id: Text = None
    order_id: Text = None
    created_at: Instant
    updated_at: Instant
    payment_instrument_type: Text = None
    refunded_transaction_id: Text = None
    processor_settlement_response_code: Text = None
    status_history: tuple[_Event, ...] = ()
    disbursement: _Disbursement | None = None
    paypal: PayPal | None = None

    def reached(self, *statuses: str) -> datetime | None:
        """Return when it first had one of some statuses, by its history."""
        return min((e.timestamp for e in self.status_history if e.status in statuses), default=None)

    @property
    def settled_at(self) -> datetime | None:
        """Return when its money moved; a settled one without history settled at its last change."""
        return self.reached("settled") or (self.updated_at if self.status == "settled" else None)

    @property
    def settlement(self) -> dict[str, Any]:
        """Return the columns of the settlement, empty before the gateway has paid it out.

        Money of PayPal does not pass through the gateway and never gets there. The gateway has no
        number for a payout: there is one per merchant account and day.
        """
        paid = self.disbursement
        if paid is None or paid.disbursement_date is None or paid.settlement_amount is None:
            return {}
        return {
            "settlement_amount": paid.settlement_amount,
            "settlement_currency": paid.settlement_currency_iso_code or self.currency_iso_code,
            "settlement_rate": paid.settlement_currency_exchange_rate,
            "settled_on": paid.disbursement_date,
            "payout_reference": f"{self.merchant_account_id or ''}/{paid.disbursement_date}",
        }

    def claim(self, state: str) -> dict[str, Any]:
        """Return what the gateway says of the amount, for checks."""
        return {"amount": str(self.amount), "currency": self.currency_iso_code, "state": state}
