"""raw/saleor_tax_classes and raw/saleor_tax_rates: tax classes with their rates by country."""

from collections.abc import Iterator

from assets.named import named_mapper
from assets.taxes.rates import rate
from resources.saleor import SALEOR, connection
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.country import country_code
from schemabase_dagster.normalise.text import clean
from schemabase_dagster.streams import JsonObject, Part, Stream


def split_rates(tax_class: JsonObject) -> Iterator[JsonObject]:
    """Return the rates of a tax class, one per country."""
    listed = tax_class.get("countries")
    for each in listed if isinstance(listed, list) else ():
        country = each.get("country") if isinstance(each, dict) else None
        if isinstance(country, dict) and country.get("code"):
            yield {
                "id": f"{tax_class.get('id')}/{country['code']}",
                "rate": each.get("rate"),
                "country": country["code"],
                "taxClass": {"id": tax_class.get("id"), "name": tax_class.get("name")},
            }


def map_rate(record: SourceRecord) -> Candidate:
    """Map a rate of a tax class in a country."""
    tax = record.payload
    kind = tax["taxClass"]
    return rate(tax.get("rate"), country_code(tax["country"]), clean(kind.get("name")), kind["id"])


SALEOR_TAX_CLASSES = Stream(
    name="saleor_tax_classes",
    system=SALEOR,
    group="taxes",
    entity="tax_class",
    description="Tax classes of a Saleor shop with their rates by country.",
    source=connection(
        "taxClasses", "TaxClass", "id name countries { country { code } rate }",
        ids="filter: {ids: $ids}",
    ),
    id_field="id",
    mapper=named_mapper("name"),
)  # fmt: skip

SALEOR_TAX_RATES = Stream(
    name="saleor_tax_rates",
    system=SALEOR,
    group="taxes",
    entity="tax_rate",
    description="Tax rates inside the tax classes of a Saleor shop, one per class and country.",
    source=None,
    id_field="id",
    mapper=map_rate,
    part=Part("saleor_tax_classes", split_rates, "taxClass.id", is_whole=True),
)
