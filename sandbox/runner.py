"""Sandbox: the stand-ins' servers in one background thread, on free ports."""

import asyncio
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import SystemRandom
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette

from sandbox.braintree.app import BraintreeApi
from sandbox.carriers.app import CarriersApi
from sandbox.control import Control
from sandbox.control_app import control_app
from sandbox.elasticsearch.app import ElasticsearchApi
from sandbox.merchants import DEFAULT_MERCHANTS
from sandbox.reviewsio.app import ReviewsioApi
from sandbox.saleor.app import SaleorApi
from sandbox.saleor.keys import KeyRing
from sandbox.state import Options, State, make_state
from sandbox.strapi.app import StrapiApi
from sandbox.times import now_us
from sandbox.world import LINES, MINUTE
from sandbox.xentral.app import XentralApi
from sandbox.xentral.documents import PROJECT
from sandbox.zoho.app import ZohoApi

HOST = "127.0.0.1"
START_SECONDS = 90.0
BACKLOG = 1024
FREE_PORTS = range(10_000, 20_000)
"""Chosen from when any port will do. None of those that the kernel gives away: a sandbox that is
started again wants its ports back, and one of these somebody else's connection may have by then."""


class PortTakenError(Exception):
    """A wanted port is in use."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken; end its owner or choose another --base-port")


class Sandbox:
    """A port for each system, one per merchant for the Saleor shops, and a control port.

    Use it as a context manager. ``info`` holds addresses and credentials, ``control`` changes
    data and switches misbehaviour on, ``reset`` makes everything as it was at the start.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        size: int = 200,
        merchants: tuple[str, ...] = DEFAULT_MERCHANTS,
        sizes: Mapping[str, int] | None = None,
        now: int | None = None,
        inline_lines: bool = False,
        lines: tuple[int, ...] = LINES,
        clock_scale: float = 1.0,
        latency: float = 0.0,
        base_port: int = 0,
        ports: Sequence[int] = (),
        keys: dict[str, KeyRing] | None = None,
    ) -> None:
        options = Options(
            seed=seed,
            size=size,
            merchants=merchants,
            sizes=sizes or {},
            now=now_us() // MINUTE * MINUTE if now is None else now,
            inline_lines=inline_lines,
            lines=lines,
            clock_scale=clock_scale,
            latency=latency,
        )
        self.state: State = make_state(options, keys)
        self.control = Control(self.state)
        self.info: dict[str, Any] = {}
        self._wanted_ports = ports or (range(base_port, base_port + 99) if base_port else ())
        self._servers: list[uvicorn.Server] = []
        self._sockets: list[socket.socket] = []
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind the ports, fill ``info`` and serve until ``stop``."""
        apps: list[Starlette] = [
            control_app(self.control, lambda: self.info),
            ZohoApi(self.state).app(),
            ReviewsioApi(self.state).app(),
            CarriersApi(self.state).app(),
            XentralApi(self.state).app(),
            StrapiApi(self.state).app(),
            BraintreeApi(self.state).app(),
            ElasticsearchApi(self.state).app(),
        ]
        apps += [SaleorApi(self.state, name).app() for name in self.state.accounts]
        self._bind_all(len(apps))
        self.info = self._describe(self.ports)
        self._servers = [uvicorn.Server(_config(app)) for app in apps]
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()
        self._await_start()

    def stop(self) -> None:
        """Close all connections and ports."""
        for server in self._servers:
            server.should_exit = True
            server.force_exit = True
        if self._thread is not None:
            self._thread.join(START_SECONDS)
        for sock in self._sockets:
            sock.close()

    @property
    def ports(self) -> list[int]:
        """Ports in use: control, one per system as in ``_describe``, then one per shop."""
        return [sock.getsockname()[1] for sock in self._sockets]

    def reset(self) -> None:
        """Make all data anew; switches off, counters at zero."""
        self.control.reset()

    def _bind_all(self, count: int) -> None:
        try:
            for offset in range(count):
                self._sockets.append(self._bind(offset))
        except PortTakenError:
            self.stop()
            raise

    def _bind(self, offset: int) -> socket.socket:
        port = self._wanted_ports[offset] if offset < len(self._wanted_ports) else 0
        if port:
            return _listen(port)
        for free in SystemRandom().sample(FREE_PORTS, len(FREE_PORTS)):
            with suppress(PortTakenError):
                return _listen(free)
        raise PortTakenError(port)

    def _describe(self, ports: list[int]) -> dict[str, Any]:
        control, zoho, reviews, carriers, warehouse, editor, gateway, search, *shops = (
            f"http://{HOST}:{port}" for port in ports
        )
        merchants = {}
        for (name, account), shop in zip(self.state.accounts.items(), shops, strict=True):
            merchant = account.world.merchant
            account.shop.api_url = f"{shop}/graphql/"
            merchants[name] = {
                "zoho": {
                    "accounts_url": zoho,
                    "books_url": f"{zoho}/books/v3",
                    "inventory_url": f"{zoho}/inventory/v1",
                    "organization_id": merchant.organization_id,
                    "client_id": merchant.client_id,
                    "client_secret": merchant.client_secret,
                    "refresh_token": merchant.refresh_token,
                },
                "saleor": {
                    "api_url": account.shop.api_url,
                    "domain": shop.removeprefix("http://"),
                    "token": merchant.shop_token,
                },
                "reviewsio": {
                    "api_url": reviews,
                    "store_id": merchant.store_id,
                    "api_key": merchant.reviews_key,
                },
                "braintree": {
                    "api_url": gateway,
                    "merchant_id": merchant.gateway.merchant_id,
                    "public_key": merchant.gateway.public_key,
                    "private_key": merchant.gateway.private_key,
                },
                "dhl": {"api_url": f"{carriers}/dhl/track", "api_key": merchant.dhl_key},
                "ups": {
                    "root_url": f"{carriers}/ups",
                    "client_id": merchant.ups_client_id,
                    "client_secret": merchant.ups_client_secret,
                },
                "xentral": {
                    "url": f"{warehouse}/{name}",
                    "project_id": PROJECT,
                    "username": account.warehouse.username,
                    "password": account.warehouse.password,
                },
                "strapi": {
                    "url": f"{editor}/{name}",
                    "api_token": account.editor.token,
                },
                "elasticsearch": {
                    "url": f"{search}/{name}",
                    "username": account.cluster.username,
                    "password": account.cluster.password,
                    "api_key": account.cluster.api_key,
                },
                "prefix": merchant.prefix,
                "language": merchant.language,
                "timezone": merchant.timezone,
                "currency": merchant.currency,
                "control_url": control,
            }
        return {"control_url": control, "merchants": merchants}

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=self._servers[0].config.get_loop_factory()) as runner:
            runner.run(self._serve_all())

    async def _serve_all(self) -> None:
        await asyncio.gather(
            *(
                server.serve(sockets=[sock])
                for server, sock in zip(self._servers, self._sockets, strict=True)
            )
        )

    def _await_start(self) -> None:
        deadline = threading.Event()
        for _ in range(int(START_SECONDS / 0.01)):
            if all(server.started for server in self._servers):
                return
            deadline.wait(0.01)
        raise RuntimeError("the sandbox did not start")


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off: otherwise head and body of an
    # answer are 40 ms apart.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        # at once: until then another socket that may use addresses again could be bound here too
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortTakenError(port) from error
    return sock


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        backlog=BACKLOG,
        log_config=None,
    )
