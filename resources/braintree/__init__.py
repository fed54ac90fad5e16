"""Braintree: a payment gateway, read through its official SDK."""

from resources.braintree.source import DisputeSearch, FeeReport, TransactionSearch
from resources.braintree.system import BRAINTREE, BraintreeConfig, BraintreeCredentials

__all__ = [
    "BRAINTREE",
    "BraintreeConfig",
    "BraintreeCredentials",
    "DisputeSearch",
    "FeeReport",
    "TransactionSearch",
]
