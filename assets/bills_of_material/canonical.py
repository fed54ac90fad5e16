"""core/bills_of_material: bundles and their parts."""

from schemabase_dagster.engine.entity import Child, Entity, FieldGroup, Naming, Reference
from schemabase_dagster.tables.catalogue import bill_of_material_lines, bills_of_material

BILLS_OF_MATERIAL = Entity(
    name="bill_of_material",
    table=bills_of_material,
    group="products",
    description=(
        "Bundles: one row per variant that is made of others. The parts, with how many of each, "
        "are in `core.bill_of_material_lines`; a part whose SKU no catalogue knows keeps the SKU."
    ),
    number_column=None,
    sample=("id", "kind", "active"),
    groups=(
        FieldGroup("state", ("kind", "active")),
        FieldGroup("variant", ("variant_id",)),
    ),
    children=(
        Child(
            kind="lines",
            table=bill_of_material_lines,
            parent_column="bill_of_material_id",
            key=("sku", "sku_occurrence"),
            names=(Naming("variant", "component_variant_id", "sku"),),
        ),
    ),
    references=(Reference("variant", "variant_id"),),
    defaults={"active": True},
    rank=-2,
)
