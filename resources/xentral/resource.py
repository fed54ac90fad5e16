"""XentralResource: Xentral on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.shell import SystemResource
from resources.xentral.client import XentralClient, open_client
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class XentralResource(SystemResource):
    """Xentral: articles, orders, delivery notes and tracking numbers of a warehouse.

    Address and project belong to each app and are set by `schemabase app add`. The vendor's cloud
    allows 100 calls a minute; all processes together keep to it.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[XentralClient]:
        """Open the client of a Xentral app."""
        return open_client(app, self.options(), lane)
