"""What the clients of carriers share: one call per parcel, no list, and when to stop asking."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Final

from resources.api import Api, UnreadClient
from resources.http import Call, Judge, Reply
from schemabase_dagster.errors import ProviderError, QuotaExhausted, RateLimited
from schemabase_dagster.streams import Fetched, Stream

PAUSE_SECONDS: Final = 60.0
"""Pause after a first refusal for too many calls; after a second one nothing is asked."""


class TrackingClient(UnreadClient):
    """Client of a carrier that tells of one parcel per call, and lists nothing."""

    def iter_details(self, _stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Ask for parcels by tracking number, one call each."""
        return map(self.track, ids)

    def look_up(self, _stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Ask for parcels; None says that the carrier does not know one, now."""
        return map(self.track, ids)

    @abstractmethod
    def track(self, number: str) -> Fetched:
        """Ask for one parcel."""


class Patience:
    """Judge that pauses after one refusal for too many calls, and gives up the day after two.

    Carriers answer alike to a burst and to a quota that is used up (carriers 2.5, 3.4).

    Args:
        judge: what else an answer means.
        api: calls of the app; its clock scales the pause.
    """

    def __init__(self, judge: Judge, api: Api) -> None:
        self._judge = judge
        self._scale = api.scale
        self._refused = 0

    def __call__(self, call: Call, reply: Reply) -> None:
        """Raise what the answer means.

        Raises:
            QuotaExhausted: refused for too many calls a second time.
            ProviderError: any other failure.
        """
        try:
            self._judge(call, reply)
        except RateLimited as error:
            self._refused += 1
            if self._refused > 1:
                raise _worse(error, QuotaExhausted) from None
            pause = PAUSE_SECONDS / self._scale
            raise _worse(error, RateLimited, max(error.retry_after or 0.0, pause)) from None
        self._refused = 0


def _worse(
    error: ProviderError, kind: type[RateLimited], seconds: float | None = None
) -> RateLimited:
    return kind(error.system, error.what, status=error.status, code=error.code, retry_after=seconds)
