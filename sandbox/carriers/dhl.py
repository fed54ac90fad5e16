"""DHL documents: an answer of Shipment Tracking Unified for one parcel."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.carriers.story import Parcel, Step
from sandbox.world import SECOND

CODES = {
    "announced": ("VA", "pre-transit", "The shipment was announced electronically."),
    "accepted": ("ES", "transit", "The shipment was handed over to DHL."),
    "sorted": ("AA", "transit", "The shipment has left the parcel center of origin."),
    "arrived": ("EE", "transit", "The shipment has arrived in the region of the recipient."),
    "out": ("PO", "transit", "The shipment has been loaded onto the delivery vehicle"),
    "failed": ("ZN", "transit", "The shipment could not be delivered."),
    "waiting": ("ZF", "transit", "The shipment is ready for pick-up at the PACKSTATION."),
    "delivered": ("ZU", "delivered", "The shipment has been successfully delivered"),
    "returned": ("ZU", "delivered", "The shipment was returned to its sender"),
}
NOT_FOUND = {
    "title": "No result found",
    "status": 404,
    "detail": "No shipment with given tracking number found.",
}
UNAUTHORIZED = {
    "title": "Unauthorized",
    "status": 401,
    "detail": "Unauthorized for given resource.",
}
TOO_MANY = {
    "status": 429,
    "title": "Too Many Requests",
    "detail": "Too many requests within defined time period, please try again later.",
}


def answer(parcel: Parcel, steps: list[Step]) -> dict[str, Any]:
    """The answer for one parcel; events newest first, in local time without a zone."""
    events = [_event(step) for step in reversed(steps)]
    last = steps[-1]
    shipment = {
        "id": parcel.number,
        "service": "parcel-de",
        "origin": {"address": {"countryCode": "DE"}},
        "destination": {"address": {"countryCode": "DE"}},
        "status": events[0],
        "returnFlag": last.kind == "returned",
        "details": {
            "product": {"productName": "DHL PAKET (parcel)"},
            "receiver": {"@type": "Person", "name": "Jana Beispiel"},
            "totalNumberOfPieces": 1,
            "weight": {"value": 2.4, "unitText": "kg"},
        },
        "events": events,
    }
    return {"shipments": [shipment]}


def _event(step: Step) -> dict[str, Any]:
    code, coarse, text = CODES[step.kind]
    local = datetime.fromtimestamp(step.at // SECOND, ZoneInfo("Europe/Berlin"))
    return {
        "timestamp": local.strftime("%Y-%m-%dT%H:%M:%S"),
        "location": {"address": {"countryCode": "DE", "addressLocality": step.city}},
        "statusCode": coarse,
        "status": code,
        "description": text,
    }
