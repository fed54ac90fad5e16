"""DhlResource: DHL on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.dhl.client import DhlClient, open_client
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class DhlResource(SystemResource):
    """DHL: where parcels are, by Shipment Tracking Unified.

    One call per parcel. All processes together make one call every 5 seconds with one key, and no
    more than its quota in any 24 hours; what is left waits for the next run.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[DhlClient]:
        """Open the client of a DHL app."""
        return open_client(app, self.options(), lane)
