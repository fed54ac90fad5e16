"""core/variants: what a variant row is made of, and which source decides which of its columns."""

from schemabase_dagster.engine.entity import Bearer, Entity, FieldGroup, Reference
from schemabase_dagster.tables.catalogue import bill_of_material_lines, variants
from schemabase_dagster.tables.sales import order_lines
from schemabase_dagster.tables.shipping import package_lines

VARIANTS = Entity(
    name="variant",
    table=variants,
    group="products",
    description=(
        "What is sold: one row per SKU, whatever number of systems know it. Articles of the shop "
        "and of the ERP meet by SKU; the ERP decides SKU, texts, weight, GTIN and tax, the shop "
        "fills the gaps. A variant whose SKU is renamed stays the same row, and lines that name "
        "the old one stay its. Order and package lines are linked whichever comes first."
    ),
    number_column="sku",
    sample=("sku", "name", "active"),
    groups=(
        FieldGroup("identity", ("sku",), ("erp", "shop")),
        FieldGroup("product", ("product_id",), ("shop", "erp")),
        FieldGroup("texts", ("name", "attributes", "media_urls"), ("erp", "shop")),
        FieldGroup("state", ("active", "is_tracked"), ("erp", "shop")),
        FieldGroup("measures", ("weight_g", "gtin", "unit", "is_bundle"), ("erp", "shop")),
        FieldGroup("tax", ("tax_percentage", "tax_class_id"), ("erp", "shop")),
    ),
    references=(Reference("product", "product_id"), Reference("tax_class", "tax_class_id")),
    bearers=(
        Bearer(order_lines, "sku", "variant_id"),
        Bearer(package_lines, "sku", "variant_id"),
        Bearer(bill_of_material_lines, "sku", "component_variant_id"),
    ),
    defaults={"active": True, "attributes": {}},
    rank=-5,
)
