"""Story: what people, providers and senders do to a tenant whose secrets are canaries."""

import base64
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import psycopg
import pytest
from psycopg import Connection

from schemabase_dagster import cli, database, tenancy, tokens
from schemabase_dagster.stack.dagster_api import DagsterApi
from schemabase_dagster.stack.run import Running
from schemabase_dagster.stack.standins import app_settings, control
from tests.support.rows import value
from tests.support.wait import wait_until
from tests.webhook_gateway.senders import hmac_hex

TENANT: Final = "acme"

WRONG: Final = "Canary7Wrong" + "x" * 18
"""A credential that nobody accepts, with the 30 letters and digits of a Saleor token."""

PAYLOAD: Final = "canary-in-a-payload"

KEY: Final = base64.b64encode(b"canary-key-canary-key-canary-key").decode()
"""The vault's key."""

WAIT_SECONDS: Final = 240
LAST_COMMANDS: Final = (
    "status", "app list --json", "tenant list --json", "integration list", "keys list",
    "entitlement list acme", "webhook list --json", "conflict list --json", "inbox list --json",
    "inbox dead", "doctor", "db status",
)  # fmt: skip

_DEFECT: Final = """
CREATE FUNCTION public.defect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'defect', DETAIL = NEW::text, ERRCODE = 'XX001';
END $$;
CREATE TRIGGER defect BEFORE UPDATE ON core.contacts FOR EACH ROW EXECUTE FUNCTION public.defect()
"""
_SETTLED: Final = """
SELECT count(*) FROM platform.webhook_inbox WHERE status IN ('processed', 'dead')
"""
_TOLD: Final = "SELECT count(*) FROM platform.alert WHERE key ~ 'CredentialError$'"
_DEAD: Final = "SELECT id::text FROM platform.webhook_inbox WHERE status = 'dead' LIMIT 1"


class Story:
    """Does things to a running stack and keeps all that is printed or answered meanwhile.

    Attributes:
        printed: text by what printed it.
        statuses: exit status by command.
        secrets: every credential there is, by a name that may be shown.
    """

    def __init__(
        self,
        stack: Running,
        conn: Connection[Any],
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.printed: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.secrets: dict[str, str] = {"wrong credential": WRONG, "key": KEY}
        self._stack = stack
        self._conn = conn
        self._capfd = capfd
        self._monkeypatch = monkeypatch

    def connect(self) -> None:
        """Connect both systems and pull all their streams."""
        self._control(
            "add_fault", kind="mistyped_field", system="zoho", match="/salesorders",
            where="detail", text=PAYLOAD,
        )  # fmt: skip
        self._control("add_fault", kind="no_id", system="zoho", match="/contacts")
        self.run("tenant", "add", TENANT, "--timezone", "Europe/Berlin")
        merchant = self._stack.stand_ins["merchants"][TENANT]
        for system, (config, credentials) in app_settings(TENANT, merchant).items():
            self.secrets |= {f"{system} {name}": text for name, text in credentials.items()}
            self._offer(credentials)
            pairs = [word for item in config.items() for word in ("--set", _setting(*item))]
            self.run("app", "add", TENANT, system, *pairs, "--credentials-env", "CANARY")
        self.run("sync", TENANT, "--full")
        app = tenancy.get_app(self._conn, TENANT, "zoho")
        self.secrets["access token"] = tokens.shared_token(
            app, refresh=_no_refresh, min_seconds_left=0
        )
        with psycopg.connect(database.conninfo()) as own:
            self.secrets["database password"] = own.info.password

    def send_webhooks(self) -> None:
        """Send a good delivery, one that dies, forged ones and lost ones."""
        shop = self._endpoint("saleor")
        books = self._endpoint("zoho")
        query = self._endpoint("zoho", "--scheme", "shared_secret", "--option", "query=hook")
        (order,) = self._control("change_orders", system="saleor", n=1, kind="note")
        sent = self._control("prepare_webhook", system="saleor", record_id=order)
        body = f'{{"contact": "{PAYLOAD}"'
        with httpx.Client(base_url=self._stack.ports.gateway_url, trust_env=False) as gateway:
            answers = [
                gateway.post(path, content=content, headers=headers)
                for path, content, headers in (
                    (shop["path"], sent["body"], sent["headers"]),
                    (f"{query['path']}?hook={query['secret']}&page=1", body, {}),
                    (books["path"], body, {"X-Zoho-Webhook-Signature": hmac_hex(WRONG, b"")}),
                    (f"{books['path']}?token={WRONG}", body, {"Authorization": f"Bearer {WRONG}"}),
                    (
                        f"/v1/webhooks/zoho/{WRONG}?token={WRONG}",
                        body,
                        {"eci-trace-id": f"{WRONG} {PAYLOAD}"},
                    ),
                    (f"/{WRONG}?token={WRONG}", body, {"Cookie": WRONG}),
                )
            ]
        assert [answer.status_code for answer in answers] == [200, 200, 401, 401, 404, 404]
        for answer in answers:
            self.printed[f"answer {answer.status_code} of the gateway"] = (
                f"{answer.headers} {answer.text}"
            )
        wait_until(lambda: value(self._conn, _SETTLED) == 2, WAIT_SECONDS, "both deliveries")

    def let_all_go_wrong(self) -> None:
        """Break our tables, the provider, what people type, and the credentials."""
        self._conn.execute("ALTER TABLE core.contacts ADD CONSTRAINT c CHECK (false) NOT VALID")
        self._control("change_contacts", n=1)
        self.run("sync", TENANT, "--asset", "zoho_contacts")
        self._conn.execute("ALTER TABLE core.contacts DROP CONSTRAINT c")
        self._conn.execute(_DEFECT)
        self.run("sync", TENANT, "--asset", "core/contacts")
        self._conn.execute("DROP TRIGGER defect ON core.contacts")
        self._control("add_fault", kind="error_500", system="saleor", times=None, text=PAYLOAD)
        self.run("sync", TENANT, "--asset", "saleor_orders")
        self._control("clear_faults")
        self._offer({"token": f"{WRONG}!"})
        self.run("app", "set-credentials", TENANT, "saleor", "--credentials-env", "CANARY")
        address = f"api_url=https://user:{WRONG}@127.0.0.1/graphql/"
        self.run("app", "add", TENANT, "saleor", "--key", "second", "--set", address)
        self._offer(dict.fromkeys(("client_id", "client_secret", "refresh_token"), WRONG))
        self.run("app", "set-credentials", TENANT, "zoho", "--credentials-env", "CANARY")
        self._conn.execute("DELETE FROM platform.app_token")
        self.run("app", "check", TENANT, "zoho")
        ui = DagsterApi(self._stack.ports.webserver_url)
        ui.launch([["raw", "zoho_contacts"]], partition=TENANT, tags={})
        wait_until(lambda: value(self._conn, _TOLD), WAIT_SECONDS, "the alert")

    def look_around(self) -> None:
        """Read everything that commands show, and the metrics."""
        for words in LAST_COMMANDS:
            self.run(*words.split())
        delivery = value(self._conn, _DEAD)
        self.run("inbox", "show", delivery)
        self.run("inbox", "show", delivery, "--json")
        metrics = httpx.get(f"{self._stack.ports.gateway_url}/metrics", trust_env=False)
        self.printed["metrics"] = metrics.text
        self.printed["process arguments"] = "\n".join(_process_arguments(self._stack.home.state))

    def run(self, *words: str) -> str:
        """Run a command with ``--debug``; keep its output, its trace, and errors linked to it."""
        status, trace = 0, ""
        try:
            cli.main(["--debug", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        except Exception as error:  # noqa: BLE001 - what the interpreter would print
            status = getattr(error, "exit_status", 70)
            trace = traceback.format_exc() + "".join(map(repr, linked(error)))
        out, err = self._capfd.readouterr()
        self.statuses[" ".join(words)] = status
        self.printed[f"schemabase {' '.join(words)}"] = out + err + trace
        return out

    def _endpoint(self, app: str, *options: str) -> Mapping[str, Any]:
        words = ("webhook", "create", TENANT, app, *options, "--json")
        made = orjson.loads(self.run(*words))
        # The one place where a secret is shown, and the one time.
        del self.printed[f"schemabase {' '.join(words)}"]
        if made["secret"]:
            self.secrets[f"webhook secret {len(self.secrets)}"] = made["secret"]
        made["path"] = f"/v1/webhooks/{made['provider']}/{made['endpoint_id']}"
        return dict(made)

    def _control(self, action: str, **arguments: Any) -> Any:
        return control(self._stack.stand_ins, action, merchant=TENANT, **arguments)

    def _offer(self, credentials: Mapping[str, str]) -> None:
        for name, text in credentials.items():
            self._monkeypatch.setenv(f"CANARY_{name.upper()}", text)


def linked(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error with its causes and contexts, even those that a trace leaves out."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _setting(name: str, setting: Any) -> str:
    return f"{name}={setting if isinstance(setting, str) else orjson.dumps(setting).decode()}"


def _no_refresh() -> tokens.Token:
    raise AssertionError("the token of the first sync is still valid")


def _process_arguments(state: Path) -> Iterator[str]:
    """Yield the command lines of the stack's processes, which every user of a machine can read."""
    for process in Path("/proc").iterdir():
        try:
            if str(state).encode() in (process / "environ").read_bytes():
                yield (process / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
