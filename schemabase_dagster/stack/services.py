"""The processes of the stack: how each is started and how one sees that it serves."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from schemabase_dagster.ports import LOOPBACK, accepts, answers, choose_port, free_port
from schemabase_dagster.stack.dagster_api import DagsterApi, is_true
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.process import Service
from schemabase_dagster.warm.messages import is_serving

WEBSERVER_PORT = 3000
GATEWAY_PORT = 8080
SANDBOX_PORT = 8090
SANDBOX_PORTS = 7
"""Its control port and one for each system but the shop, of which every merchant has its own."""

LOCATION = "schemabase"
DEFINITIONS = "schemabase_dagster.definitions"
MERCHANTS = ("acme", "globex", "initech")
"""Stand-in merchants; the first two are connected as demo tenants, the third is for visitors."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the processes listen; all on the loopback interface."""

    webserver: int
    gateway: int
    code: int
    sandbox: int

    @property
    def webserver_url(self) -> str:
        """Dagster's user interface."""
        return f"http://{LOOPBACK}:{self.webserver}"

    @property
    def gateway_url(self) -> str:
        """Where webhooks are sent to."""
        return f"http://{LOOPBACK}:{self.gateway}"


def choose_ports(merchants: Sequence[str]) -> Ports:
    """Take the usual ports where they are free, any others where they are not."""
    sandbox_count = SANDBOX_PORTS + len(merchants)
    usual = all(
        choose_port(port) == port for port in range(SANDBOX_PORT, SANDBOX_PORT + sandbox_count)
    )
    return Ports(
        webserver=choose_port(WEBSERVER_PORT),
        gateway=choose_port(GATEWAY_PORT),
        # never a fixed one: two code servers on one port start without an error and share it
        code=free_port(),
        sandbox=SANDBOX_PORT if usual else 0,
    )


def sandbox(
    home: Home,
    environment: Mapping[str, str],
    ports: Ports,
    merchants: Sequence[str],
    *,
    size: int,
    sizes: Mapping[str, int],
) -> Service:
    """Describe the stand-ins of the external systems."""
    home.sandbox_info.unlink(missing_ok=True)
    others = ",".join(f"{name}={orders}" for name, orders in sizes.items())
    return Service(
        name="sandbox",
        command=(
            *(sys.executable, "-m", "sandbox"),
            *("--seed", "7", "--size", str(size)),
            *("--merchants", ",".join(merchants)),
            *(("--sizes", others) if others else ()),
            *("--base-port", str(ports.sandbox)),
            *("--state-file", str(home.sandbox_state)),
            *("--info", str(home.sandbox_info)),
        ),
        environment=environment,
        is_ready=home.sandbox_info.exists,
    )


def code_server(
    environment: Mapping[str, str], home: Home, ports: Ports, definitions: str
) -> Service:
    """Describe the server that holds the definitions and starts the runs."""
    return Service(
        name="code-server",
        command=(
            *(sys.executable, "-m", "dagster", "code-server", "start"),
            *("--module-name", definitions, "--working-directory", str(home.root)),
            *("--host", LOOPBACK, "--port", str(ports.code)),
            *("--location-name", LOCATION, "--use-python-environment-entry-point"),
            *("--log-level", "warning"),
        ),
        environment=environment,
        is_ready=partial(accepts, ports.code),
        # the runs are its children: asked too, they end as failed instead of hanging for ever
        signal_group=True,
    )


def warm(environment: Mapping[str, str], home: Home, definitions: str) -> Service:
    """Describe the process that has the definitions loaded and forks the runs."""
    return Service(
        name="warm",
        command=(
            *(sys.executable, "-m", "schemabase_dagster.warm"),
            *("--module", definitions, "--directory", str(home.root)),
        ),
        environment=environment,
        is_ready=is_serving,
        # it ends its runs itself, and gives them three seconds to say so
        stop_seconds=6,
    )


def webserver(environment: Mapping[str, str], home: Home, ports: Ports) -> Service:
    """Describe Dagster's user interface."""
    return Service(
        name="webserver",
        command=(
            *(sys.executable, "-m", "dagster_webserver"),
            *("--workspace", str(home.workspace)),
            *("--host", LOOPBACK, "--port", str(ports.webserver)),
            *("--log-level", "warning"),
        ),
        environment=environment,
        is_ready=partial(is_true, DagsterApi(ports.webserver_url).code_is_loaded),
    )


def daemon(environment: Mapping[str, str], home: Home, ports: Ports) -> Service:
    """Describe the daemon: schedules, sensors and the queue of runs."""
    return Service(
        name="daemon",
        command=(
            *(sys.executable, "-m", "dagster._daemon", "run"),
            *("--workspace", str(home.workspace), "--log-level", "info"),
        ),
        environment=environment,
        is_ready=partial(is_true, DagsterApi(ports.webserver_url).daemons_beat),
    )


def gateway(environment: Mapping[str, str], ports: Ports) -> Service:
    """Describe the gateway that takes webhooks."""
    return Service(
        name="gateway",
        command=(
            *(sys.executable, "-m", "webhook_gateway"),
            *("--host", LOOPBACK, "--port", str(ports.gateway)),
        ),
        # the shops of a stack are stand-ins on this machine
        environment={**environment, "GATEWAY_ALLOW_LOCAL_SHOPS": "true"},
        is_ready=partial(answers, f"{ports.gateway_url}/readyz"),
    )
