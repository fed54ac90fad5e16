"""DpdResource: DPD on Dagster's resource page."""

from collections.abc import Iterator
from contextlib import contextmanager

from resources.dpd.client import DpdClient, open_client
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class DpdResource(SystemResource):
    """DPD: where parcels are. DPD tells it by itself, with a GET to the gateway for every scan.

    Nothing is asked for: there is no call, no limit and no credential.
    """

    @contextmanager
    def open(self, app: App, lane: Lane = "head") -> Iterator[DpdClient]:
        """Open the client of a DPD app, which calls nobody."""
        with open_client(app, self.options(), lane) as client:
            yield client
