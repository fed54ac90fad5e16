"""VercelResource: Vercel on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.shell import SystemResource
from resources.vercel.client import VercelClient, open_client
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class VercelResource(SystemResource):
    """Vercel: the logs of deployments, which a log drain posts to the gateway by itself.

    Nothing is asked for: there is no call, no limit and no credential of Vercel.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[VercelClient]:
        """Open the client of a Vercel app, which calls nobody."""
        return open_client(app, self.options(), lane)
