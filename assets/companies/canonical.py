"""core/companies: what a company row is made of, and which source decides which of its columns."""

from schemabase_dagster.engine.entity import Bearer, Entity, FieldGroup
from schemabase_dagster.tables.parties import companies, contacts

COMPANIES = Entity(
    name="company",
    table=companies,
    group="contacts",
    description=(
        "Organisations that contacts belong to: one row per normalised name. Two names with one "
        "VAT id are one company, too. A company that only contacts and orders name is a row, known "
        "by that name alone; `core.contacts` refers to it."
    ),
    number_column="normalized_name",
    sample=("id", "created_at"),
    groups=(
        FieldGroup("name", ("name", "normalized_name"), ("erp", "shop"), atomic=True),
        FieldGroup("vat", ("vat_id",), ("erp", "shop")),
    ),
    exclusive=False,
    regroups=True,
    bearers=(Bearer(contacts, "company_key", "company_id"),),
    rank=-13,
)
