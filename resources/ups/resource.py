"""UpsResource: UPS on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.shell import SystemResource
from resources.ups.client import UpsClient, open_client
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class UpsResource(SystemResource):
    """UPS: where parcels are, by the Track API. One call per parcel.

    UPS publishes no limit; after a second refusal for too many calls the rest waits for the next
    run.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[UpsClient]:
        """Open the client of a UPS app."""
        return open_client(app, self.options(), lane)
