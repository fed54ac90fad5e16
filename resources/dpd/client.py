"""DpdClient: there is nothing to ask DPD for; it tells by itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from resources.api import ClientOptions, open_api
from resources.tracking import TrackingClient
from schemabase_dagster.clock import utc_now
from schemabase_dagster.streams import Fetched, Lane
from schemabase_dagster.tenancy import App


class DpdClient(TrackingClient):
    """Client of one DPD app, for the engine's ``Client`` protocol."""

    def track(self, number: str) -> Fetched:
        """Return that nothing can be asked."""
        return Fetched(number, None, utc_now())

    def check(self) -> Mapping[str, str]:
        """Tell what there is to check: nothing but the address that DPD has."""
        return {"calls": "none; DPD sends its scans to the app's webhook endpoint"}


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[DpdClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``dpd``.
        options: set by the resource.
        lane: share of a budget that does not exist.
    """
    with open_api(app, options, lane) as api:
        yield DpdClient(api)
