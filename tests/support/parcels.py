"""Builders of what carriers tell of a parcel; a test states only the fields it is about."""

from typing import Any

from schemabase_dagster.streams import JsonObject


def dhl_parcel(number: str = "T1", *events: JsonObject, **fields: Any) -> JsonObject:
    """Return what DHL tells of a German parcel."""
    shipment = {
        "id": number,
        "service": "parcel-de",
        "status": events[0] if events else {},
        "events": list(events),
        **fields,
    }
    return {"trackingNumber": number, "shipments": [shipment]}


def dhl_event(timestamp: str, code: str, coarse: str = "transit", **fields: Any) -> JsonObject:
    """Return one event of a parcel of DHL."""
    return {
        "timestamp": timestamp,
        "statusCode": coarse,
        "status": code,
        "description": "Where it is",
        "location": {"address": {"countryCode": "DE", "addressLocality": "Feucht"}},
        **fields,
    }
