"""Documents of Strapi: an entry as webhooks and as REST show it, by version."""

from datetime import UTC, datetime
from typing import Any

from sandbox.people import COUNTRY_NAMES
from sandbox.store import Record
from sandbox.strapi.desk import BulkOrder, Recipient
from sandbox.world import KIND_ITEM, SECOND, World
from sandbox.zoho.parties import party_id

JsonObject = dict[str, Any]

OLD_NAMES = {"createdAt": "created_at", "updatedAt": "updated_at"}


def entry(world: World, order: BulkOrder) -> JsonObject:
    """A whole entry, flat; ids of components are new after every save."""
    return {
        "id": int(order.id),
        "prefix": order.prefix,
        "status": order.status,
        "zohoCustomerId": party_id(world.merchant, world.customer(order.customer), 0),
        "terminationDate": order.ship_on,
        "createdAt": shown_time(order.created),
        "updatedAt": shown_time(order.modified),
        "products": _products(world, order, order.products, 300),
        "addresses": [
            _address(world, order, recipient, place)
            for place, recipient in enumerate(order.recipients)
        ],
    }


def rest(document: JsonObject, version: int, populate: set[str]) -> JsonObject:
    """An entry as REST shows it: relations and components only when they are asked for."""
    fields = {key: value for key, value in document.items() if key != "id"}
    for name in ("products", "addresses"):
        if name not in populate:
            del fields[name]
    if version == 5:
        return {"id": document["id"], "documentId": f"doc{document['id']:08d}", **fields}
    return {"id": document["id"], "attributes": _nested(fields)}


def webhook(document: JsonObject, event: str, at: int, version: int) -> JsonObject:
    """The body of a webhook in the spelling of a version; 5 leaves components out."""
    fields = dict(document)
    if version == 3:
        fields = {OLD_NAMES.get(key, key): value for key, value in fields.items()}
    if version == 5:
        del fields["products"], fields["addresses"]
        fields["documentId"] = f"doc{document['id']:08d}"
    stamp = "created_at" if version == 3 else "createdAt"
    body = {"event": event, stamp: shown_time(at), "model": "bulkorder", "entry": fields}
    return body if version == 3 else {**body, "uid": "api::bulkorder.bulkorder"}


def shown_time(at: int) -> str:
    """A time as Strapi has it: UTC with milliseconds."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND // 1000:03d}Z"


def shown_modified(record: Record) -> str:
    """The modified time of an entry."""
    return shown_time(record.modified)


def _address(world: World, order: BulkOrder, recipient: Recipient, place: int) -> JsonObject:
    customer = world.customer(recipient.customer)
    address = customer.address
    return {
        "id": 900 + order.saves * 100 + place,
        "orderId": order.order_id(recipient),
        "name": address.first_name,
        "surname": address.last_name,
        "companyName": recipient.company,
        "address": recipient.street or address.street,
        "street2": address.street2 or None,
        "zip": address.zip,
        "city": address.city,
        "country": recipient.country or COUNTRY_NAMES[address.country],
        "shippingCosts": 4.5,
        "products": _products(world, order, recipient.products, 600 + 10 * place),
    }


def _products(
    world: World, order: BulkOrder, products: list[tuple[int, int, float | None]], first: int
) -> list[JsonObject]:
    return [
        {
            "id": first + order.saves * 1000 + place,
            "quantity": quantity,
            "price": price,
            "product": {
                "id": item + 1,
                "zohoId": world.merchant.zoho_id(KIND_ITEM, world.items[item].index * 10),
                "name": world.items[item].name,
            },
        }
        for place, (item, quantity, price) in enumerate(products)
    ]


def _nested(value: Any) -> Any:
    """Relations of version 4: ``product`` below ``data`` and ``attributes``."""
    if isinstance(value, list):
        return [_nested(each) for each in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _nested(each) for key, each in value.items()}
    product = value.get("product")
    if isinstance(product, dict):
        fields = {key: each for key, each in product.items() if key != "id"}
        shown["product"] = {"data": {"id": product["id"], "attributes": fields}}
    return shown
