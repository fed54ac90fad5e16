"""StrapiResource: Strapi on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.shell import SystemResource
from resources.strapi.client import StrapiClient, open_client
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class StrapiResource(SystemResource):
    """Strapi: bulk orders that editors keep, one order for each recipient.

    Address and content type belong to each app and are set by `schemabase app add`. Strapi has no
    limits of its own; all processes together spare its server.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[StrapiClient]:
        """Open the client of a Strapi app."""
        return open_client(app, self.options(), lane)
