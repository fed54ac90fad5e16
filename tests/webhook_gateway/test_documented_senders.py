"""Without these, who follows ``docs/webhooks.md`` gets no first event through."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from psycopg import Connection

from sandbox import senders
from sandbox.runner import Sandbox
from sandbox.senders import Request
from sandbox.vercel.records import log_records
from sandbox.webhooks import vercel_delivery
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.stack.standins import app_settings
from tests.schemabase_dagster.commands.conftest import Run
from tests.support import shops
from tests.support.rows import count, one
from tests.webhook_gateway.conftest import Start

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "webhooks.md"
MERCHANT: Final = "acme"
SENDERS_SECRET: Final = "whsec_of_the_sender"
SECTION: Final = re.compile(r"(?ms)^### (?P<name>.+?)\n+```\n(?P<commands>.+?)\n```")

ENTITIES: Final = {"strapi": "bulk_orders", "reviewsio": "product_reviews"}

First = Callable[[Sandbox, str, str], Request]
"""Makes the first request, from (stand-ins, secret, URL)."""


def documented() -> dict[str, list[str]]:
    """The commands of every sender, by the heading under which they stand."""
    text = DOCUMENT.read_text().partition("## Connect a sender")[2].partition("## Schemes")[0]
    return {found["name"]: found["commands"].splitlines() for found in SECTION.finditer(text)}


def by_stand_in(system: str) -> First:
    """The request of a system that has a stand-in, about one of its records."""

    def make(sandbox: Sandbox, secret: str, url: str) -> Request:
        entity = ENTITIES.get(system, "orders")
        record = sandbox.control.ids(MERCHANT, system, entity)[0]
        event = {"saleor": "order_updated", "strapi": "entry.update"}.get(system, "")
        notices = sandbox.control.notices
        given: dict[str, Any] = {"secret": secret, "url": url} if system == "zoho" else {}
        made = notices.prepare(MERCHANT, system, record, event=event, entity=entity, **given)
        return Request(made.headers, made.body)

    return make


def strapi(sandbox: Sandbox, secret: str, url: str) -> Request:
    made = by_stand_in("strapi")(sandbox, secret, url)
    return replace(made, headers={**made.headers, "Authorization": secret})


def braintree(_sandbox: Sandbox, _secret: str, _url: str) -> Request:
    subject = "<transaction><id>t1</id></transaction>"
    return senders.braintree(**shops.BRAINTREE_KEYS, kind="transaction_settled", subject=subject)


def vercel(secret: str) -> Request:
    made = vercel_delivery(log_records(3), secret)
    return Request(made.headers, made.body)


def by_sender(make: Callable[[str], Request]) -> First:
    return lambda _sandbox, secret, _url: make(secret)


FIRST: Final[Mapping[str, tuple[First, str | None]]] = {
    "Saleor": (by_stand_in("saleor"), "order_updated"),
    "Zoho": (by_stand_in("zoho"), None),
    "Strapi": (strapi, "entry.update"),
    "Braintree": (braintree, "transaction_settled"),
    "REVIEWS.io": (by_stand_in("reviewsio"), None),
    "Vercel": (by_sender(vercel), None),
    "DPD": (by_sender(senders.dpd), None),
    "EasyPost": (by_sender(senders.easypost), "tracker.updated"),
    "Stripe": (by_sender(senders.stripe), "charge.succeeded"),
    "Shopify": (by_sender(senders.shopify), "orders/create"),
    "Odoo": (by_sender(senders.odoo), "sale.order"),
    "Zoho Payments": (by_sender(senders.zoho_payments), "payment.succeeded"),
    "Standard Webhooks": (by_sender(senders.standard), "invoice.paid"),
    "GitHub": (by_sender(senders.github), "push"),
    "Any other sender": (by_sender(senders.other), "thing.made"),
}
"""Heading -> the sender's first request, and the event's name that is stored."""


class Walker:
    """Somebody who follows the document, with an account at the stand-ins."""

    def __init__(self, run: Run, sandbox: Sandbox) -> None:
        self._run = run
        self._sandbox = sandbox
        self.endpoint: dict[str, Any] = {}

    def follow(self, line: str) -> None:
        """Type one command, with what it asks for, and keep what it prints."""
        program, *words = shlex.split(self._with_own_address(line))
        assert program == "schemabase"
        match words[:2]:
            case ["app", "add"]:
                credentials = self._credentials(words[3])
                flag = ["--credentials-stdin"] if credentials else []
                self._typed(*words, *flag, stdin=json.dumps(credentials))
            case ["webhook", "create"]:
                self.endpoint = json.loads(self._typed(*words, "--json"))
            case ["webhook", "add-secret"]:
                self._typed(*words, stdin=SENDERS_SECRET)
                self.endpoint["secret"] = SENDERS_SECRET

    def _typed(self, *words: str, stdin: str = "") -> str:
        ran = self._run(*words, stdin=stdin)
        assert ran.status == 0, ran.err
        return ran.out

    def _with_own_address(self, line: str) -> str:
        shop = self._sandbox.info["merchants"][MERCHANT]["saleor"]["api_url"]
        own = line.replace("https://shop.example.com/graphql/", shop)
        return own.replace("ENDPOINT", str(self.endpoint.get("endpoint_id")))

    def _credentials(self, kind: str) -> Mapping[str, str]:
        settings = app_settings(MERCHANT, self._sandbox.info["merchants"][MERCHANT])
        return shops.BRAINTREE_KEYS if kind == "braintree" else settings[kind][1]


@pytest.fixture
def gateway(start: Start, monkeypatch: pytest.MonkeyPatch) -> httpx.Client:
    """A gateway whose address the commands print."""
    client = start()
    monkeypatch.setenv("SCHEMABASE_GATEWAY_URL", str(client.base_url).rstrip("/"))
    forget_settings()
    return client


def test_every_documented_sender_is_walked():
    assert list(documented()) == list(FIRST)


@pytest.mark.parametrize("name", FIRST)
def test_a_first_event_gets_through(
    conn: Connection[Any],
    tenant: Any,
    sandbox: Sandbox,
    gateway: httpx.Client,
    run: Run,
    name: str,
):
    walker = Walker(run, sandbox)
    for line in documented()[name]:
        walker.follow(line)
    make, event = FIRST[name]
    url, secret = walker.endpoint["url"], walker.endpoint["secret"] or ""
    request = make(sandbox, secret, url)

    first = send(gateway, url, request)
    again = send(gateway, url, request)

    assert (first.status_code in {200, 202}, again.status_code) == (True, 200), first.text
    assert one(conn, "SELECT event_type, verify_scheme FROM platform.webhook_inbox") == {
        "event_type": event,
        "verify_scheme": walker.endpoint["scheme"],
    }
    if walker.endpoint["scheme"] not in {"path_only", "shared_secret"}:
        forged = replace(request, body=request.body + b" ")
        assert send(gateway, url, forged).status_code == 401
    assert count(conn, "platform.webhook_inbox") == 1


def send(gateway: httpx.Client, url: str, request: Request) -> httpx.Response:
    query = f"?{urlencode(request.query)}" if request.query else ""
    return gateway.request(
        request.method, url + query, content=request.body, headers=dict(request.headers)
    )
