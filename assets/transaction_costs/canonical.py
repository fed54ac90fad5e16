"""core/transaction_costs: what a fee row is made of, and which source decides its amount."""

from assets.balances import BALANCE
from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference
from schemabase_dagster.tables.payments import transaction_costs

TRANSACTION_COSTS = Entity(
    name="transaction_cost",
    table=transaction_costs,
    group="payments",
    description=(
        "Transaction costs: one row per fee of a payment, a refund or a dispute, in the currency "
        "it was charged in. PayPal, SEPA and local methods tell it with the transaction, cards "
        "days later in the gateway's report; a fee that nobody told yet has no row. What the "
        "gateway says counts before what the books noted."
    ),
    number_column="cost_key",
    sample=("cost_key", "as_of", "kind", "source", "currency", "amount"),
    day_column="as_of",
    groups=(
        FieldGroup(
            "all",
            ("cost_key", "kind", "source", "amount", "currency", "as_of"),
            ("gateway", "erp", "owner"),
            atomic=True,
        ),
        FieldGroup(
            "parents", ("payment_id", "refund_id", "dispute_id"), ("gateway", "erp", "owner")
        ),
    ),
    references=(
        Reference("payment", "payment_id"),
        Reference("refund", "refund_id"),
        Reference("dispute", "dispute_id"),
    ),
    # Two streams of one gateway may tell of one fee: the transaction and the report.
    exclusive=False,
    feeds=(BALANCE,),
    rank=22,
)
