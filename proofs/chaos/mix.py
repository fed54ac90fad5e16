"""Mix: what senders tell the gateway in a storm: scans of parcels, notices of orders, repeats.

Scans (DPD) hold the fact itself and are landed as they are; notices (Saleor) only hint at an order,
which is read again. Few orders change often: what is told in one batch costs one call.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

SHARE_ORDERS: Final = 0.1
SHARE_REPEATS: Final = 0.5
KEPT: Final = 400
"""Of so many latest deliveries one is repeated."""

SCANS_OF_A_PARCEL: Final = 8
FIRST_PARCEL: Final = 5_000_000_000_000
FIRST_SCAN: Final = datetime(2026, 1, 5, tzinfo=UTC)
DEPOT: Final = "0112"
STATUS: Final = "pickup_depot"
TELL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Notice:
    """One delivery.

    Attributes:
        fact: what it tells; equal for repeats.
        request: the request as it is sent.
    """

    fact: str
    request: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A signed notice that an order has changed.

    Attributes:
        order: its id.
        headers: headers of the sender.
        body: body.
    """

    order: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def fact(self) -> str:
        """What it tells, as ``fact_of_notice`` names it."""
        return fact_of_notice(self.body)

    @property
    def updated_at(self) -> datetime:
        """When the order had changed."""
        return datetime.fromisoformat(orjson.loads(self.body)["order"]["updatedAt"])


def fact_of_notice(body: bytes) -> str:
    """Name what a notice of an order tells."""
    return f"order {hashlib.sha256(body).hexdigest()}"


def fact_of_scan(fields: Mapping[str, str]) -> str:
    """Name what a scan tells."""
    return f"scan {fields['pnr']} {fields['statusdate']}"


class Orders:
    """Changes orders at the shop, one after the other, and keeps the signed notices of it.

    Args:
        ids: orders that change.
        change: changes an order at the shop and returns headers and body of the notice.
    """

    def __init__(
        self, ids: Sequence[str], change: Callable[[str], tuple[Mapping[str, str], bytes]]
    ) -> None:
        self.told: dict[str, Told] = {}
        self._ids = ids
        self._change = change
        self._waiting: deque[Told] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="orders")

    def start(self) -> None:
        """Begin to change orders."""
        self._thread.start()

    def stop(self) -> None:
        """Change no more."""
        self._stop.set()
        self._thread.join()

    def next(self) -> Told | None:
        """Return a notice that nobody has sent yet."""
        return self._waiting.popleft() if self._waiting else None

    def _go_on(self) -> None:
        number = 0
        while not self._stop.wait(TELL_SECONDS):
            order = self._ids[number % len(self._ids)]
            told = Told(order, *self._change(order))
            self.told[told.fact] = told
            self._waiting.append(told)
            number += 1


class Mix:
    """Makes deliveries without end.

    Args:
        scans: URL for scans.
        notices: URL for notices of orders.
        orders: what changes at the shop.
        rng: decides what comes next.
    """

    def __init__(self, scans: str, notices: str, orders: Orders, rng: Random) -> None:
        self._scans, self._notices = urlsplit(scans), urlsplit(notices)
        self._orders = orders
        self._rng = rng
        self._recent: deque[Callable[[], Notice]] = deque(maxlen=KEPT)
        self._scan_number = 0
        self._push_number = 0

    def next(self) -> Notice:
        """Return the next delivery."""
        if self._recent and self._rng.random() < SHARE_REPEATS:
            return self._rng.choice(self._recent)()
        told = self._orders.next() if self._rng.random() < 2 * SHARE_ORDERS else None
        make = self._scan() if told is None else self._notice(told)
        self._recent.append(make)
        return make()

    def _scan(self) -> Callable[[], Notice]:
        parcel, nth = divmod(self._scan_number, SCANS_OF_A_PARCEL)
        self._scan_number += 1
        facts = {
            "pnr": str(FIRST_PARCEL + parcel),
            "depot": DEPOT,
            "status": STATUS,
            "statusdate": (FIRST_SCAN + timedelta(hours=nth)).strftime("%d%m%Y%H%M%S"),
        }

        def push() -> Notice:
            # A repeat may bear another push id.
            self._push_number += 1
            query = urlencode({"pushid": self._push_number, **facts})
            head = f"GET {self._scans.path}?{query} HTTP/1.1\r\nHost: {self._scans.netloc}\r\n\r\n"
            return Notice(fact_of_scan(facts), head.encode())

        return push

    def _notice(self, told: Told) -> Callable[[], Notice]:
        headers: dict[str, Any] = {
            **told.headers, "Host": self._notices.netloc, "Content-Length": len(told.body)
        }  # fmt: skip
        lines = [f"{name}: {text}" for name, text in headers.items()]
        head = "\r\n".join([f"POST {self._notices.path} HTTP/1.1", *lines, "", ""])
        notice = Notice(told.fact, head.encode() + told.body)
        return lambda: notice
