"""Grounds of a storm: the whole stack with Dagster, or gateway, workers and Postgres alone."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg

from assets import registry
from proofs.chaos.mix import Orders
from proofs.chaos.storm import Ground
from proofs.chaos.traffic import Gateway
from proofs.chaos.victims import Postgres, Runs, Service, Single, Victim, Workers
from proofs.chaos.worker import Job
from resources.dpd import DPD, DpdConfig
from resources.saleor import SALEOR
from sandbox.runner import Sandbox
from schemabase_dagster import database, operations, tenancy, webhooks
from schemabase_dagster.database import conninfo
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.run import Options, Running, Step, no_step, running
from schemabase_dagster.stack.standins import app_settings, connect_tenants, control
from schemabase_dagster.vault import generate_key

DEFINITIONS: Final = "proofs.chaos.short_lease"
MERCHANT: Final = "acme"
SIZE: Final = 60
CHANGING: Final = 20
"""Orders that change all the time."""

Change = Callable[[str], tuple[Mapping[str, str], bytes]]


@contextmanager
def stack(folder: Path, seed: int, step: Step = no_step) -> Iterator[tuple[Ground, Orders]]:
    """Run the whole product for the block, on a Postgres of its own.

    Args:
        folder: an empty state folder.
        seed: decides which run is killed.
        step: shows the steps of the start.
    """
    server = EmbeddedServer(folder / "server")
    os.environ |= {"DATABASE_URL": server.start(), "SCHEMABASE_KEYS": generate_key()}
    forget_settings()

    def prepare(stand_ins: Mapping[str, Any]) -> None:
        connect_tenants(stand_ins, {MERCHANT: "Acme"}, ("saleor", "dpd"))
        with step("First sync"):
            operations.sync_one(MERCHANT)

    home = Home(ROOT, folder / "state")
    options = Options(size=SIZE, merchants=(MERCHANT,), definitions=DEFINITIONS, prepare=prepare)
    try:
        with running(home, options, step) as serving:
            yield _stack_ground(serving, server, seed), _stack_orders(serving)
    finally:
        server.stop()


def _stack_ground(serving: Running, server: EmbeddedServer, seed: int) -> Ground:
    services = {
        child.service.name: Service(serving.supervisor, child)
        for child in serving.supervisor.children
    }
    url = os.environ["DATABASE_URL"]
    scans, notices = _endpoints(url, serving.ports.gateway_url)
    victims: dict[str, Victim] = {
        "gateway": services["gateway"],
        "daemon": services["daemon"],
        "run worker": Runs(serving.home.state, Random(seed)),
        "Postgres": Postgres(server),
    }
    return Ground(conninfo(url), serving.ports.gateway_url, scans, notices, victims, services)


def _stack_orders(serving: Running) -> Orders:
    def ask(action: str, **arguments: Any) -> Any:
        return control(serving.stand_ins, action, merchant=MERCHANT, system="saleor", **arguments)

    def change(order: str) -> tuple[Mapping[str, str], bytes]:
        ask("change_orders", n=1, kind="note", ids=[order])
        notice = ask("prepare_webhook", record_id=order)
        return notice["headers"], notice["body"].encode()

    return Orders(ask("ids")[:CHANGING], change)


@contextmanager
def bare(folder: Path, sandbox: Sandbox) -> Iterator[tuple[Ground, Orders]]:
    """Run gateway, workers and Postgres for the block, without Dagster.

    Args:
        folder: an empty state folder.
        sandbox: stand-ins, in this process.
    """
    keys = os.environ["SCHEMABASE_KEYS"]
    with EmbeddedServer(folder) as server:
        url = server.start()
        database.migrate(url, streams=list(registry.streams().values()))
        gateway = Gateway(url, keys)
        with psycopg.connect(conninfo(url), autocommit=True) as conn:
            _connect(conn, sandbox)
        job = Job("full", MERCHANT, url, keys, "first")
        Workers(job).do_once()
        workers = Workers(Job("deliver", MERCHANT, url, keys, "storm"))
        victims: dict[str, Victim] = {
            "gateway": Single(gateway), "worker": workers, "Postgres": Postgres(server)
        }  # fmt: skip
        gateway.start()
        try:
            with workers.kept_at_work():
                ground = Ground(
                    conninfo(url), gateway.root, *_endpoints(url, gateway.root), victims
                )
                yield ground, _sandbox_orders(sandbox)
        finally:
            gateway.stop()


def _connect(conn: psycopg.Connection[Any], sandbox: Sandbox) -> None:
    tenant = tenancy.add_tenant(conn, MERCHANT, "Acme", timezone="Europe/Berlin")
    settings = app_settings(MERCHANT, sandbox.info["merchants"][MERCHANT])
    for system in (SALEOR, DPD):
        config, credentials = settings[system.name]
        streams = registry.streams_of(system.name)
        tenancy.add_app(conn, tenant, system, system.name, config, credentials, streams)


def _sandbox_orders(sandbox: Sandbox) -> Orders:
    def change(order: str) -> tuple[Mapping[str, str], bytes]:
        with sandbox.state.lock:
            sandbox.control.change_orders(MERCHANT, "saleor", 1, kind="note", ids=[order])
            notice = sandbox.control.prepare_webhook(MERCHANT, "saleor", order)
        return notice["headers"], notice["body"].encode()

    return Orders(sandbox.control.ids(MERCHANT, "saleor")[:CHANGING], change)


def _endpoints(url: str, root: str) -> tuple[str, str]:
    """Make an endpoint for scans and one for notices, and return their URLs."""
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        tenant = tenancy.get_tenant(conn, MERCHANT)
        made = []
        for system, config in ((DPD, DpdConfig), (SALEOR, SALEOR.config)):
            (app,) = tenancy.list_apps(conn, tenant, type=system.name)
            verification = system.verification(config.model_validate(app.config))
            created = webhooks.create_endpoint(conn, app, verification)
            made.append(webhooks.endpoint_url(root, system.name, created.endpoint_id))
    return made[0], made[1]
