"""ZohoResource: Zoho Books and Inventory on Dagster's resource page."""

from contextlib import AbstractContextManager

from pydantic import Field

from resources.shell import SystemResource
from resources.zoho.client import ZohoClient, open_client
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class ZohoResource(SystemResource):
    """Zoho Books and Inventory: sales orders, invoices, contacts, taxes.

    Host names follow the data centre of each app, the calls a minute and a day its plan; both
    are set by `schemabase app add`. All processes share one budget per organisation, in which
    webhooks come before new records and these before the back-fill. Access tokens are renewed
    once for all.
    """

    concurrency: int = Field(
        default=4,
        ge=2,
        le=10,
        description="Calls in flight per organisation, one kept for webhooks",
    )

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[ZohoClient]:
        """Open the client of a Zoho app."""
        return open_client(app, self.options(), lane, concurrency=self.concurrency)
