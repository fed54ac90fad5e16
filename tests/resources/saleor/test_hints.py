"""Without these, an event of a shop is taken for one that concerns nobody."""

from typing import Any

import pytest

from resources.saleor.hints import hinted

ORDER = "T3JkZXI6MQ=="


@pytest.mark.parametrize(
    "body",
    [
        {"__typename": "OrderCreated", "order": {"id": ORDER}},
        {"data": {"orderCreated": {"order": {"id": ORDER}}}},
        [{"type": "Order", "id": ORDER}],
        {"__typename": "OrderBulkCreated", "orders": [{"id": ORDER}]},
    ],
    ids=["event", "wrapped", "legacy", "bulk"],
)
def test_a_webhook_of_any_shape_names_its_record(body: Any):
    feed = hinted("order", plural="orders", kind="Order")

    assert feed.extract("order_created", body) == [ORDER]


@pytest.mark.parametrize("body", [{}, [], None, "text", {"order": None}, {"product": {"id": "x"}}])
def test_a_webhook_of_no_concern_names_nothing(body: Any):
    assert hinted("order").extract("product_updated", body) == []
