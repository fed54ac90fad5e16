"""UPS documents: tokens, and an answer of the Track API for one parcel."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.carriers.story import Parcel, Step
from sandbox.world import SECOND

TOKEN_SECONDS = 14_399
CODES = {
    "announced": (
        "M",
        "MP",
        "003",
        "Shipper created a label",
    ),
    "accepted": ("I", "OR", "005", "Origin Scan"),
    "sorted": ("I", "DP", "005", "Departed from Facility"),
    "arrived": ("I", "AR", "005", "Arrived at Facility"),
    "out": ("I", "OT", "021", "Out For Delivery"),
    "failed": ("X", "48", "022", "The customer was not available on the first attempt"),
    "waiting": ("I", "2Q", "161", "Delivered to UPS Access Point"),
    "delivered": ("D", "FS", "011", "Delivered"),
    "returned": ("X", "B0", "034", "Returned to shipper"),
}


def error(code: str, message: str) -> dict[str, Any]:
    """An error body."""
    return {"response": {"errors": [{"code": code, "message": message}]}}


def token(value: str, client_id: str, now_ms: int, seconds: float) -> dict[str, str]:
    """The answer of the token endpoint: every value is text."""
    return {
        "token_type": "Bearer",
        "issued_at": str(now_ms),
        "client_id": client_id,
        "access_token": value,
        "scope": "",
        "expires_in": str(int(seconds)),
        "refresh_count": "0",
        "status": "approved",
    }


def not_found(number: str) -> dict[str, Any]:
    """What an unknown number gets, with HTTP 200."""
    warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
    return {"trackResponse": {"shipment": [{"inquiryNumber": number, "warnings": [warning]}]}}


def answer(parcel: Parcel, steps: list[Step]) -> dict[str, Any]:
    """The answer for one parcel; activities newest first, every second one with GMT fields."""
    activity = [_activity(step, has_gmt=place % 2 == 0) for place, step in enumerate(steps)]
    package = {
        "trackingNumber": parcel.number,
        "packageCount": 1,
        "activity": activity[::-1],
        "currentStatus": activity[-1]["status"],
        "weight": {"unitOfMeasurement": "KGS", "weight": "2.40"},
        "deliveryInformation": {"receivedBy": "BEISPIEL"},
    }
    return {"trackResponse": {"shipment": [{"inquiryNumber": parcel.number, "package": [package]}]}}


def _activity(step: Step, *, has_gmt: bool) -> dict[str, Any]:
    kind, code, number, text = CODES[step.kind]
    local = datetime.fromtimestamp(step.at // SECOND, ZoneInfo("Europe/Berlin"))
    gmt = local.astimezone(UTC)
    offset = local.strftime("%z")
    told: dict[str, Any] = {
        "date": f"{local:%Y%m%d}",
        "time": f"{local:%H%M%S}",
        "gmtOffset": f"{offset[:3]}:{offset[3:]}",
        "location": {"address": {"city": step.city, "countryCode": "DE", "country": "DE"}},
        "status": {"type": kind, "code": code, "statusCode": number, "description": text},
    }
    if has_gmt:
        told |= {"gmtDate": f"{gmt:%Y%m%d}", "gmtTime": f"{gmt:%H:%M:%S}"}
    return told
