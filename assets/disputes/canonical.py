"""core/disputes: what a dispute row is made of."""

from assets.balances import BALANCE
from assets.disputes.pairing import DISPUTE_PAIRS
from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference
from schemabase_dagster.tables.payments import disputes

DISPUTES = Entity(
    name="dispute",
    table=disputes,
    group="payments",
    description=(
        "Disputes: one row per case at a customer's bank, with what the gateway took back and gave "
        "back again. A retrieval asks for papers and moves no money. A case that goes on from "
        "another one names it. What shop and gateway tell of one chargeback is one row."
    ),
    number_column="dispute_key",
    sample=("dispute_key", "opened_on", "kind", "status", "currency", "amount"),
    day_column="opened_on",
    groups=(
        FieldGroup(
            "all",
            (
                "dispute_key",
                "case_number",
                "kind",
                "status",
                "reason",
                "reason_code",
                "amount",
                "currency",
                "funds_withdrawn",
                "funds_returned",
                "opened_on",
                "reply_by",
                "resolved_on",
                "payout_reference",
            ),
            ("gateway", "shop"),
            atomic=True,
        ),
        FieldGroup("parents", ("payment_id", "original_dispute_id"), ("gateway", "shop")),
    ),
    references=(Reference("payment", "payment_id"), Reference("dispute", "original_dispute_id")),
    feeds=(BALANCE,),
    pairing=DISPUTE_PAIRS,
    rank=21,
)
