"""Bring the whole stack up for a block of code, and down again whatever happens in it."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets import registry
from schemabase_dagster import database, settings
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.stack import orphans, services
from schemabase_dagster.stack.home import Home, owned
from schemabase_dagster.stack.process import Child, Supervisor
from schemabase_dagster.stack.services import Ports

Step = Callable[[str], AbstractContextManager[None]]
"""Wraps one step of the start, so that a terminal can show what takes how long."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that serves.

    Attributes:
        home: its folders.
        ports: where it listens.
        variables: environment variables that make any command work with it.
        stand_ins: addresses and credentials of the sandbox.
        supervisor: watches its processes.
    """

    home: Home
    ports: Ports
    variables: Mapping[str, str]
    stand_ins: Mapping[str, Any]
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class Options:
    """What a stack is started with.

    Attributes:
        size: orders per stand-in merchant.
        merchants: names of the stand-in merchants.
        sizes: merchants that have another number of orders.
        own_database: use the embedded server even if ``DATABASE_URL`` names another one.
        definitions: module whose ``Definitions`` Dagster loads.
        instance: file of settings for the Dagster instance; None = the repository's.
        is_warm: fork the runs from a process that has the definitions loaded.
        prepare: called when database and stand-ins serve, before anything of Dagster runs.
    """

    size: int = 200
    merchants: Sequence[str] = services.MERCHANTS
    sizes: Mapping[str, int] = field(default_factory=dict)
    own_database: bool = False
    definitions: str = services.DEFINITIONS
    instance: Path | None = None
    is_warm: bool = False
    prepare: Callable[[Mapping[str, Any]], None] = lambda _stand_ins: None


def no_step(_title: str) -> AbstractContextManager[None]:
    """Show nothing."""
    return nullcontext()


@contextmanager
def running(home: Home, options: Options, step: Step = no_step) -> Iterator[Running]:
    """Run the stack for the block.

    Raises:
        ConfigurationError: another stack owns the state directory, or a process is not ready in
            time.
        ServiceDied: a process ended during the start.
    """
    ports = services.choose_ports(options.merchants)
    with (
        owned(home.state),
        _database(home, options, step) as own_variables,
        Supervisor(home.root, home.logs) as supervisor,
    ):
        home.prepare(ports.code, options.instance, is_warm=options.is_warm)
        variables = {**own_variables, **_addresses(ports)}
        home.write_env_file(variables)
        with _applied(variables):
            stand_ins = _start(home, options, ports, supervisor, step)
            yield Running(home, ports, variables, stand_ins, supervisor)


def _start(
    home: Home, options: Options, ports: Ports, supervisor: Supervisor, step: Step
) -> Mapping[str, Any]:
    environment = home.environment()
    # The slow starters first: while they import, the database is made ready.
    stand_ins_of = services.sandbox(
        home, environment, ports, options.merchants, size=options.size, sizes=options.sizes
    )
    sandbox = supervisor.start(stand_ins_of)
    with step("Preparing the database"):
        database.ensure_dagster_database()
        orphans.close_runs()
        of_code = [services.code_server(environment, home, ports, options.definitions)]
        if options.is_warm:
            of_code.append(services.warm(environment, home, options.definitions))
        with_code = [supervisor.start(service) for service in of_code]
        database.migrate(streams=tuple(registry.streams().values()))
    with step("Starting the stand-ins of all systems"):
        _await(supervisor, [sandbox])
        stand_ins: Mapping[str, Any] = json.loads(home.sandbox_info.read_bytes())
    options.prepare(stand_ins)
    with step("Starting Dagster and the webhook gateway"):
        gateway = supervisor.start(services.gateway(environment, ports))
        # its port opens when the code is loaded; who asks earlier keeps the error
        _await(supervisor, with_code)
        webserver = supervisor.start(services.webserver(environment, home, ports))
        daemon = supervisor.start(services.daemon(environment, home, ports))
        _await(supervisor, [gateway, webserver, daemon])
    return stand_ins


def _await(supervisor: Supervisor, children: list[Child]) -> None:
    for _ in supervisor.wait_ready(children):
        pass


@contextmanager
def _database(home: Home, options: Options, step: Step) -> Iterator[Mapping[str, str]]:
    """Yield the variables that name the database; the embedded server runs for the block."""
    given = settings.get_settings().database_url
    if given is not None and not options.own_database:
        yield home.exports(given.get_secret_value(), database.dagster_url())
        return
    with step("Starting PostgreSQL"):
        server = EmbeddedServer(home.state)
        url = server.start()
    try:
        with _applied({"DATABASE_URL": url, "SCHEMABASE_STATE_DIR": str(home.state)}):
            dagster_url = database.dagster_url()
        yield home.exports(url, dagster_url)
    finally:
        server.stop()


def _addresses(ports: Ports) -> Mapping[str, str]:
    return {
        "SCHEMABASE_GATEWAY_URL": ports.gateway_url,
        "SCHEMABASE_UI_URL": ports.webserver_url,
    }


@contextmanager
def _applied(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block, in this process too."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    settings.forget_settings()
    try:
        yield
    finally:
        database.close_pools()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        settings.forget_settings()
