"""BraintreeResource: Braintree on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.braintree.client import BraintreeClient, open_client
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class BraintreeResource(SystemResource):
    """Braintree, a payment gateway: transactions, refunds, disputes and fees.

    Merchant and environment belong to each app and are set by `schemabase app add`. The vendor
    publishes no limit; all processes together make at most three calls at a time for one merchant.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[BraintreeClient]:
        """Open the client of a Braintree app."""
        return open_client(app, self.options(), lane)
