"""SilentResource: systems that are never asked, since all they say comes by webhook."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from resources.api import UnreadClient, open_api
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class SilentClient(UnreadClient):
    """Client of an app that makes no calls."""

    def check(self) -> Mapping[str, str]:
        """Tell what there is to check: nothing but the address that the sender has."""
        return {"calls": f"none; {self._api.app.type} sends to the app's webhook endpoint"}


class SilentResource(SystemResource):
    """A system that is never asked for anything: there is no call, no limit and no credential."""

    @contextmanager
    def open(self, app: App, lane: Lane = "head") -> Iterator[SilentClient]:
        """Open the client of an app, which calls nobody."""
        with open_api(app, self.options(), lane) as api:
            yield SilentClient(api)
