"""raw/xentral_articles: articles of the warehouse, and which canonical variants they are."""

from resources.xentral import XENTRAL, XentralList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Decoded, SourceModel
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.streams import Stream


class _Article(SourceModel):
    id: int
    nummer: Decoded = None
    inaktiv: Decoded = None


def map_article(record: SourceRecord) -> Candidate:
    """Map an Artikel: it tells which variant it is and nothing about it, as others keep those."""
    article = record.read(_Article)
    return Candidate(
        match_key=sku(article.nummer) or None,
        number=article.nummer,
        status="inaktiv" if article.inaktiv == "1" else None,
        values={},
    )


XENTRAL_ARTICLES = Stream(
    name="xentral_articles",
    system=XENTRAL,
    group="products",
    entity="variant",
    description=(
        "Artikel of Xentral, without those it has deleted. One is linked to the variant whose SKU "
        "is its number, and waits while nobody sells that. Xentral cannot filter them by their "
        "last change: every pull reads all."
    ),
    source=XentralList("artikel"),
    id_field="id",
    volatile=frozenset({"cache_lagerplatzinhaltmenge"}),
    mapper=map_article,
    adds=True,
)
