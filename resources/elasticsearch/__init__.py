"""Elasticsearch: where log documents are delivered to; nothing is read from it."""

from resources.elasticsearch.bulk import Document, RefusedDocument, Written
from resources.elasticsearch.system import (
    ELASTICSEARCH,
    ElasticsearchConfig,
    ElasticsearchCredentials,
)

__all__ = [
    "ELASTICSEARCH",
    "Document",
    "ElasticsearchConfig",
    "ElasticsearchCredentials",
    "RefusedDocument",
    "Written",
]
