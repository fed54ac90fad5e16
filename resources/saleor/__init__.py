"""Saleor: a shop, read through its GraphQL API."""

from resources.saleor.queries import MISSED_DELIVERIES, ORDERS
from resources.saleor.source import SaleorConnection, changes, connection, plain_list
from resources.saleor.system import GTIN_KEY, SALEOR, SaleorConfig, SaleorCredentials

__all__ = [
    "GTIN_KEY",
    "MISSED_DELIVERIES",
    "ORDERS",
    "SALEOR",
    "SaleorConfig",
    "SaleorConnection",
    "SaleorCredentials",
    "changes",
    "connection",
    "plain_list",
]
