"""The route that answers a Saleor shop's questions; what was asked is noted after the answer."""

import asyncio
from typing import Any, Final

import orjson
from typing_extensions import override

from schemabase_dagster import inbox
from schemabase_dagster.inbox import Delivery
from webhook_gateway.answers import JSON_CONTENT, Refusal
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.endpoint_secrets import valid
from webhook_gateway.endpoints import Endpoint, Endpoints
from webhook_gateway.inbound import Inbound
from webhook_gateway.intake import Intake, Visit, make_delivery
from webhook_gateway.link import Desk
from webhook_gateway.notes import Notes
from webhook_gateway.providers.base import Reply
from webhook_gateway.providers.saleor_sync import PROVIDER
from webhook_gateway.saleor.answers import answer
from webhook_gateway.settings import GatewaySettings
from webhook_gateway.writer import Store

NOTE_SECONDS: Final = 1.0
NOT_CONFIGURED_SECONDS: Final = 60
MAX_NOTED: Final = 100
"""Questions noted per flush; more are answered all the same."""


class SaleorSync(Intake):
    """Verifies like an intake, answers from the endpoint's configuration, and stores nothing first.

    A question is no fact: the row in the inbox is for people who look into a payment, and may be
    missing.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        endpoints: Endpoints,
        store: Store,
        notes: Notes,
        deadlines: Deadlines,
        *,
        desk: Desk,
    ) -> None:
        super().__init__(settings, endpoints, store, notes, deadlines)
        self._desk = desk
        self._asked: list[Delivery] = []

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one question."""
        scope["path_params"]["provider"] = PROVIDER.name
        await super().__call__(scope, receive, send)

    async def run(self) -> None:
        """Note questions until cancelled."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Note what was asked; what the database does not take is dropped."""
        asked, self._asked = self._asked, []
        if asked:
            try:
                await self._desk.ask(inbox.insert_ignored, asked, "a question, answered at once")
            except Refusal:
                return

    @override
    async def _finish(
        self, visit: Visit, endpoint: Endpoint, inbound: Inbound
    ) -> tuple[int, Reply]:
        delivery = make_delivery(endpoint, inbound, visit)
        visit.event_type = delivery.event_type
        gateway = endpoint.answers
        secret = next(valid(endpoint.secrets, "hmac"), None)
        if gateway is None or secret is None:
            raise Refusal(503, "not_configured", retry_after=NOT_CONFIGURED_SECONDS)
        body = orjson.dumps(answer(delivery.event_type or "", inbound.body, gateway, secret.value))
        if len(self._asked) < MAX_NOTED:
            self._asked.append(delivery)
        return 200, Reply(body, JSON_CONTENT[1])
