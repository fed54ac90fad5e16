"""Traffic: data that changes at the source, and signed webhooks that arrive through the gateway."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from sandbox.runner import Sandbox
from sandbox.webhooks import Delivery, send
from schemabase_dagster.ports import answers, free_port
from schemabase_dagster.settings import ROOT
from tests.support.wait import wait_until

PAUSE_SECONDS: Final = 0.3
ROUNDS: Final = 2
SENDERS: Final = 4
START_SECONDS: Final = 90.0


class Gateway:
    """The real gateway as a process of its own, which can be killed and started again.

    Args:
        url: database.
        keys: key ring of the vault.
    """

    def __init__(self, url: str, keys: str) -> None:
        self._environment = {
            **os.environ,
            "DATABASE_URL": url,
            "SCHEMABASE_KEYS": keys,
            "GATEWAY_ACCESS_LOG": "false",
        }
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        """Address; the same after every start."""
        return f"http://127.0.0.1:{self._port}"

    def start(self, path: str = "readyz") -> None:
        """Start it and wait until it serves: by default with its database, else ``healthz``."""
        command = [sys.executable, "-m", "webhook_gateway", "--port", str(self._port)]
        # What it logs about the connections that died with it is expected.
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL
        )
        wait_until(
            lambda: answers(f"{self.root}/{path}"), timeout=START_SECONDS, what="the gateway"
        )

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in order."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a system's webhooks go; ``secret`` signs those of Zoho."""

    url: str
    secret: str = ""


class Traffic:
    """Changes a merchant's data and sends webhooks about most of the orders, when stirred.

    Args:
        sandbox: stand-ins.
        merchant: whose data.
        addresses: by system.
        rng: decides what changes.
    """

    def __init__(
        self, sandbox: Sandbox, merchant: str, addresses: dict[str, Address], rng: Random
    ) -> None:
        self.changes = 0
        self.sent = 0
        self.acknowledged: set[bytes] = set()
        self._control = sandbox.control
        self._merchant = merchant
        self._addresses = addresses
        self._rng = rng
        self._lock = threading.Lock()
        self._wanted = threading.Semaphore(0)
        # Without a twin in the shop: what an edited number means then depends on who was first.
        self._typed = [
            row["zoho_id"] for row in self._control.truth(merchant) if "saleor_id" not in row
        ]

    def stir(self) -> None:
        """Ask for some more rounds of changes, which come while the caller goes on.

        By work and not by time: on a slow machine a worker must not find ever more to do.
        """
        self._wanted.release(ROUNDS)

    @contextlib.contextmanager
    def flowing(self) -> Iterator[None]:
        """Make traffic during the context; at its end every delivery has its answer."""
        stop, futures = threading.Event(), list[Future[None]]()
        with ThreadPoolExecutor(SENDERS + 1) as pool:
            flow = pool.submit(self._flow, stop, lambda work: futures.append(pool.submit(work)))
            try:
                yield
            finally:
                stop.set()
                flow.result()
                for future in futures:
                    future.result()

    def _flow(self, stop: threading.Event, spawn: Callable[[Callable[[], None]], None]) -> None:
        while not stop.is_set():
            if not self._wanted.acquire(timeout=PAUSE_SECONDS):
                continue
            with self._control.state.lock:  # what was changed must be there to be told of
                told = self._change()
            for system, deliveries in told.items():
                self.sent += len(deliveries)
                spawn(partial(self._send, system, deliveries))
            stop.wait(PAUSE_SECONDS)

    def _change(self) -> dict[str, list[Delivery]]:
        """Change some records of every stream; return the deliveries that speak of them."""
        control, merchant, rng = self._control, self._merchant, self._rng
        told: dict[str, list[Delivery]] = {"zoho": [], "saleor": []}
        for system in told:
            ids = control.change_orders(merchant, system, rng.randint(1, 4))
            self.changes += len(ids)
            told[system] = [self._delivery(system, i) for i in ids if rng.random() < 0.7]
        if rng.random() < 0.3:
            made = control.new_orders(merchant, "saleor", 1, twin=rng.random() < 0.7)
            self.changes += len(made)
            told["saleor"] += [self._delivery("saleor", i, event="order_created") for i in made]
        if rng.random() < 0.2:
            self._edit_number(rng.choice(self._typed))
        self.changes += len(control.change_contacts(merchant, 1))
        # Not its status: a payment taken back is gone, which only a full sync can prove.
        self.changes += len(control.touch(merchant, "zoho", 1, "invoices"))
        # Senders repeat themselves.
        return {system: each * rng.choice((1, 1, 2)) for system, each in told.items()}

    def _edit_number(self, order: str) -> None:
        with contextlib.suppress(ValueError):  # deleted meanwhile
            self._control.edit_number(self._merchant, order, f"SO-E{self._rng.getrandbits(40)}")
            self.changes += 1

    def _delivery(self, system: str, record_id: str, event: str = "order_updated") -> Delivery:
        to = self._addresses[system]
        return self._control.notices.prepare(
            self._merchant, system, record_id, event=event, secret=to.secret, url=to.url
        )

    def _send(self, system: str, deliveries: Sequence[Delivery]) -> None:
        outcomes = send(self._addresses[system].url, deliveries, parallel=True)
        with self._lock:
            for delivery, outcome in zip(deliveries, outcomes, strict=True):
                if outcome.is_delivered:
                    self.acknowledged.add(hashlib.sha256(delivery.body).digest())
