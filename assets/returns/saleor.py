"""raw/saleor_returns: returned fulfilments inside Saleor orders, and what they say of a return."""

from collections.abc import Iterator
from typing import Any, Final

from resources.saleor import SALEOR
from resources.saleor.fulfillments import Article, fulfillments
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Amount, Instant, SourceModel, Text
from schemabase_dagster.normalise.goods import goods_key
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.streams import JsonObject, Part, Stream

RETURNED: Final = frozenset({"RETURNED", "REFUNDED_AND_RETURNED", "REPLACED"})
"""Fulfilments that hold what came back; one that is only REFUNDED is about money alone."""

ORDER_KEYS: Final = ("id", "number", "externalReference")


def split_returns(order: JsonObject) -> Iterator[JsonObject]:
    """Return what came back of an order, each with what only the order knows of it.

    Replacing everything leaves an empty fulfilment behind, which is no return. ``sharesGoods``
    tells that another return of the order has the same articles: they then name none of them.
    """
    returns = [each for each in fulfillments(order, RETURNED) if each["lines"]]
    goods = [_goods(each["lines"]) for each in returns]
    known = {key: order.get(key) for key in ORDER_KEYS}
    for each, own in zip(returns, goods, strict=True):
        yield {**each, "order": known, "sharesGoods": goods.count(own) > 1}


def _goods(lines: list[JsonObject]) -> list[str]:
    named = ((line.get("orderLine") or {}, line.get("quantity")) for line in lines)
    return sorted(f"{article.get('id')}x{quantity}" for article, quantity in named)


class _Line(SourceModel):
    id: str
    quantity: Amount
    orderLine: Article | None = None


class _Order(SourceModel):
    id: str
    number: str
    externalReference: Text = None


class _Return(SourceModel):
    id: str
    fulfillmentOrder: int
    status: str
    created: Instant
    reason: Text = None
    lines: list[_Line]
    order: _Order
    sharesGoods: bool = False


def map_return(record: SourceRecord) -> Candidate:
    """Map a returned fulfilment: the shop says what came back, the warehouse when it arrived."""
    found = record.read(_Return)
    order = found.order
    prefixed = f"{record.config.order_prefix}-{order.number}"
    number = f"{order.externalReference or prefixed}-R{found.fulfillmentOrder}"
    action = "replace" if found.status == "REPLACED" else "return"
    lines = numbered(_line(line, action) for line in found.lines)
    goods = ((line["sku"], line["quantity"]) for line in lines)
    return Candidate(
        match_key=number,
        other_key=None if found.sharesGoods else goods_key(prefixed, goods),
        number=f"{order.number}-{found.fulfillmentOrder}",
        status=found.status,
        values={
            "return_number": number,
            "requested_on": found.created.date(),
            "status": "received",
            "reason": found.reason,
        },
        children={"lines": lines},
        parents={"order": [f"#{order.id}"]},
        attrs={"status": found.status},
    )


def _line(line: _Line, action: str) -> dict[str, Any]:
    article = line.orderLine or Article()
    return {
        "source_id": line.id,
        "action": action,
        "sku": article.best_sku,
        "description": article.description,
        "quantity": line.quantity,
        "quantity_credit_only": 0,
    }


SALEOR_RETURNS = Stream(
    name="saleor_returns",
    system=SALEOR,
    group="returns",
    entity="return",
    description=(
        "Returned and replaced fulfilments of a Saleor shop, with the articles of their lines. "
        "They lie inside the orders and land with them. Saleor tells of a second return by webhook "
        "only, as the order's modified time does not move."
    ),
    source=None,
    id_field="id",
    mapper=map_return,
    part=Part("saleor_orders", split_returns, "order.id"),
)
