"""SaleorResource: Saleor on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.saleor.client import SaleorClient, open_client
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class SaleorResource(SystemResource):
    """Saleor, a shop: orders with lines, addresses, totals, fulfilments and transactions.

    The endpoint and the page size belong to each app and are set by `schemabase app add`. A shop
    has no call budget that is shared; a 429 of a hosted one is waited for.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[SaleorClient]:
        """Open the client of a Saleor app."""
        return open_client(app, self.options(), lane)
