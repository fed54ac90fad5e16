"""core/packages: what a package row is made of, and which source decides which of its columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from assets.rollups import PACKAGE_STATE, SHIPMENT_STATUS
from schemabase_dagster.engine.entity import Child, Claim, Entity, FieldGroup, Naming, Reference
from schemabase_dagster.tables.shipping import package_lines, packages

PRIORITY: Final = ("warehouse", "erp", "shop")

STATES: Final = ("init", "information_received", "delivered")
"""What a source without carrier events can say, in the order of a package's life."""


def decide_state(claims: Sequence[Claim]) -> Mapping[str, Any]:
    """Take the furthest state that any source knows of, and the times of the best that has them."""
    state = max((claim.values.get("state") or "init" for claim in claims), key=STATES.index)
    shipped = (claim.values.get("shipped_at") for claim in claims)
    delivered = (claim.values.get("delivered_at") for claim in claims)
    return {
        "state": state,
        "shipped_at": next(filter(None, shipped), None),
        "delivered_at": next(filter(None, delivered), None),
    }


PACKAGES = Entity(
    name="package",
    table=packages,
    group="packages",
    description=(
        "Packages: one row per parcel, whatever number of systems know it. A fulfilment of the "
        "shop, a package of the ERP and a delivery note of the warehouse meet by tracking number; "
        "the warehouse decides number, lines and tracking, else the ERP. A package that comes "
        "before its order is linked as soon as the order is there. What lies in a package is in "
        "`core.package_lines`."
    ),
    number_column="package_number",
    groups=(
        FieldGroup("existence", ("package_number", "active", "packed_at"), PRIORITY),
        FieldGroup("order", ("order_id",), PRIORITY),
        FieldGroup(
            "tracking",
            ("carrier", "tracking_id", "tracking_ids", "is_multi_piece", "carrier_tracking_url"),
            PRIORITY,
        ),
        FieldGroup("state", ("state", "shipped_at", "delivered_at"), PRIORITY, decide=decide_state),
    ),
    children=(
        Child(
            kind="lines",
            table=package_lines,
            parent_column="package_id",
            key=("sku", "sku_occurrence"),
            fill=("description",),
            priority=PRIORITY,
            names=(Naming("variant", "variant_id", "sku"),),
        ),
    ),
    references=(Reference("order", "order_id"),),
    roll_ups=(PACKAGE_STATE,),
    feeds=(SHIPMENT_STATUS,),
    defaults={"carrier": "unknown", "is_multi_piece": False},
    rank=3,
)
