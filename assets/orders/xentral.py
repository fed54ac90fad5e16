"""raw/xentral_orders: orders as the warehouse knows them, and which canonical orders they are."""

from datetime import timedelta

from resources.xentral import XENTRAL, XentralList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Decoded, SourceModel
from schemabase_dagster.streams import Stream


class _Order(SourceModel):
    id: int
    belegnr: Decoded = None
    internet: Decoded = None
    status: Decoded = None
    teillieferungvon: int | None = None


def map_order(record: SourceRecord) -> Candidate:
    """Map an Auftrag: it tells which order it is and nothing about it, as others know it better.

    A split order (Teilauftrag) carries the number of its parent: both are the one order.
    """
    order = record.read(_Order)
    return Candidate(
        match_key=order.internet,
        number=order.belegnr,
        status=order.status,
        values={},
        attrs={"status": order.status, "split_from": order.teillieferungvon or None},
    )


XENTRAL_ORDERS = Stream(
    name="xentral_orders",
    system=XENTRAL,
    group="orders",
    entity="order",
    description=(
        "Auftraege of Xentral with their Positionen. One is linked to the order whose number its "
        "field `internet` bears, and waits while nobody knows that order: a warehouse places no "
        "orders. Split ones belong to the order of their parent."
    ),
    source=XentralList("belege/auftraege", include="positionen", since="datum_gte"),
    id_field="id",
    order="descending",
    overlap=timedelta(days=14),
    mapper=map_order,
    adds=True,
)
