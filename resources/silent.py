"""SilentResource: systems that are never asked, since all they say comes by webhook."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from resources.api import ApiClient, open_api
from resources.shell import SystemResource
from schemabase_dagster.clock import utc_now
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App


class SilentClient(ApiClient):
    """Client of an app that makes no calls, for the engine's ``Client`` protocol."""

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """Refuse: there is no list.

        Raises:
            TypeError: always.
        """
        del since, resume
        raise TypeError(f"stream '{stream.name}' cannot be listed")

    def iter_details(self, _stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Return that nothing can be asked."""
        return (Fetched(one, None, utc_now()) for one in ids)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Return that nothing can be asked."""
        return self.iter_details(stream, ids)

    def count(self, _stream: Stream) -> int | None:
        """Return None: there is no list to count."""
        return None

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
