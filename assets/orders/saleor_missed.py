"""raw/saleor_missed_deliveries: events that a Saleor shop could not deliver to us."""

from resources.saleor import MISSED_DELIVERIES, SALEOR
from schemabase_dagster.streams import JsonObject, Missed, Stream


def read_missed(delivery: JsonObject) -> Missed | None:
    """Return the event of a failed delivery; None when the shop has dropped its payload."""
    payload, event = delivery.get("payload"), delivery.get("eventType")
    if not isinstance(payload, str) or not payload or not isinstance(event, str):
        return None
    return Missed(str(delivery["id"]), event.lower(), payload)


SALEOR_MISSED_DELIVERIES = Stream(
    name="saleor_missed_deliveries",
    system=SALEOR,
    group="orders",
    description=(
        "Events that a Saleor shop gave up to deliver, after its own five retries or at once when "
        "it was answered with 3xx or 4xx. A new one goes into the webhook inbox as if it had "
        "arrived, so what it names is read again. The newest 100 of each webhook are listed; the "
        "shop keeps them for 14 days. Only an installed app has webhooks of its own to ask for."
    ),
    source=MISSED_DELIVERIES,
    id_field="id",
    deletes="never",
    missed=read_missed,
)
