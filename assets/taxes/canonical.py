"""core/tax_classes and core/tax_rates: what is taxed alike, and how much."""

from assets.named import PRIORITY, named_entity
from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference
from schemabase_dagster.tables.catalogue import tax_classes, tax_rates

TAX_CLASSES = named_entity(
    "tax_class",
    tax_classes,
    "Kinds of tax treatment, such as the reduced rate: one row per name.",
    group="taxes",
    rank=-11,
)

TAX_RATES = Entity(
    name="tax_rate",
    table=tax_rates,
    group="taxes",
    description=(
        "Tax percentages: one row per percentage and country. Several taxes of one percentage are "
        "one row; the name is that of the deciding source."
    ),
    number_column="rate_key",
    sample=("rate_key", "name", "percentage", "country_code"),
    groups=(
        FieldGroup("all", ("rate_key", "percentage", "country_code", "name"), PRIORITY),
        FieldGroup("class", ("tax_class_id",), ("shop", "erp")),
    ),
    references=(Reference("tax_class", "tax_class_id"),),
    exclusive=False,
    rank=-10,
)
