"""Strapi: bulk orders, and the order that each of their recipients is."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from resources.strapi import STRAPI, Collection, StrapiConfig, flat
from schemabase_dagster.candidate import AddressFields, Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.country import country_code
from schemabase_dagster.normalise.fields import Instant, OptionalDate, SourceModel, Text
from schemabase_dagster.source_json import objects
from schemabase_dagster.streams import JsonObject, Part, Stream, WebhookFeed

EVENTS: Final = frozenset({"entry.create", "entry.update", "entry.publish"})
"""Events that show an entry as it is. What was deleted or unpublished is missing in the next full
listing, and proved gone by id."""

MODEL: Final = "bulkorder"

STATUS: Final = {"Confirmed": "confirmed", "ReadyToFulfill": "confirmed", "Finished": "confirmed"}
"""A draft says nothing: an order that the books have confirmed is not taken back (5.5)."""

ENTRY_KEYS: Final = ("id", "prefix", "status", "zohoCustomerId", "terminationDate", "createdAt")
PRODUCT_KEYS: Final = ("quantity", "price")


def split_recipients(entry: JsonObject) -> Iterator[JsonObject]:
    """Return the recipients of a bulk order, each with what only the bulk order knows of it.

    Left out is what a mere save changes: modified time, place in the list, ids of components. A
    recipient with an order number that another one has, too, gets a key of its own and is refused.
    """
    head = {key: entry.get(key) for key in ENTRY_KEYS}
    seen: Counter[str] = Counter()
    for address in objects(entry.get("addresses")):
        number = address.get("orderId")
        if isinstance(number, str):
            seen[number] += 1
            number = number if seen[number] == 1 else f"{number}#{seen[number]}"
        products = objects(address.get("products")) or objects(entry.get("products"))
        fields = {key: value for key, value in address.items() if key not in {"id", "__component"}}
        yield {
            **fields,
            "key": number,
            "products": [_product(each) for each in products],
            "entry": head,
        }


def _product(line: JsonObject) -> JsonObject:
    named = line.get("product")
    product = named.get("zohoId") if isinstance(named, dict) else None
    return {"zohoId": product, **{key: line.get(key) for key in PRODUCT_KEYS}}


class _Entry(SourceModel):
    id: int
    prefix: str
    status: str
    terminationDate: OptionalDate = None
    createdAt: Instant


class _Recipient(SourceModel):
    key: str
    orderId: str
    name: Text = None
    surname: Text = None
    companyName: Text = None
    address: Text = None
    street2: Text = None
    zip: Text = None
    city: Text = None
    country: Text = None
    entry: _Entry


def map_recipient(record: SourceRecord) -> Candidate:
    """Map a recipient; lines and amounts come from the books, which know articles and prices.

    Raises:
        RecordRejected: its order number is another recipient's, or of another bulk order.
    """
    recipient = record.read(_Recipient)
    entry, number = recipient.entry, recipient.orderId
    if recipient.key != number:
        raise RecordRejected("duplicate", "orderId", "Another recipient has this order number.")
    group = f"{entry.prefix}-{entry.id}"
    if not re.fullmatch(rf"{re.escape(group)}-[^-\s]+", number):
        raise RecordRejected("number", "orderId", "The number does not begin with prefix and id.")
    status = STATUS.get(entry.status)
    return Candidate(
        match_key=number,
        number=number,
        status=entry.status,
        values={
            "order_number": number,
            "reference_number": group,
            "ordered_at": entry.createdAt,
            "expected_ship_date": entry.terminationDate,
            "ready_to_fulfill": entry.status == "ReadyToFulfill",
            "first_name": recipient.name,
            "last_name": recipient.surname,
            **({"status": status} if status else {}),
        },
        addresses={"shipping_address_id": _address(recipient, record.config)},
        attrs={"status": entry.status},
    )


def _address(recipient: _Recipient, config: StrapiConfig) -> AddressFields:
    names = (recipient.name, recipient.surname)
    country, language = recipient.country, config.country_language
    return AddressFields(
        full_name=" ".join(name for name in names if name) or None,
        company_name=recipient.companyName,
        street=recipient.address,
        line2=recipient.street2,
        postal_code=recipient.zip,
        city=recipient.city,
        country_code=country_code(None, country, language) or country_code(country),
    )


def webhook_entries(event_type: str, payload: Any) -> list[JsonObject]:
    """Return the entry of a webhook, if it is a whole and published bulk order.

    Version 5 leaves components out: the next pull brings those.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("entry"), dict):
        return []
    event, model = payload.get("event") or event_type, str(payload.get("model"))
    entry: JsonObject = flat(payload["entry"])
    is_whole = isinstance(entry.get("addresses"), list) and isinstance(entry.get("products"), list)
    is_draft = "publishedAt" in entry and entry["publishedAt"] is None
    concerned = event in EVENTS and model.lower() == MODEL
    return [entry] if concerned and is_whole and not is_draft else []


STRAPI_BULK_ORDERS = Stream(
    name="strapi_bulk_orders",
    system=STRAPI,
    group="orders",
    description=(
        "Bulk orders of Strapi with products and recipients, in one shape for all its versions. "
        "Listed by ascending modified time; a webhook of version 3 or 4 carries the whole entry."
    ),
    source=Collection(
        populate={
            "populate[products][populate]": "product",
            "populate[addresses][populate][products][populate]": "product",
        }
    ),
    id_field="id",
    modified_field="updatedAt",
    order="ascending",
    webhook=WebhookFeed("data", webhook_entries),
    overlap=timedelta(minutes=2),
)

STRAPI_BULK_ORDER_RECIPIENTS = Stream(
    name="strapi_bulk_order_recipients",
    system=STRAPI,
    group="orders",
    entity="order",
    description=(
        "Recipients of bulk orders: each is one order, which meets that of the books by its "
        "number. One that was taken out of its bulk order is gone."
    ),
    source=None,
    id_field="key",
    mapper=map_recipient,
    part=Part("strapi_bulk_orders", split_recipients, "entry.id", is_whole=True),
)
