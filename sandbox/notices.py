"""Control of webhooks: who is told what about which records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sandbox import changes
from sandbox.state import State
from sandbox.strapi.documents import entry
from sandbox.webhooks import (
    RETRY_SECONDS,
    Delivery,
    review_delivery,
    saleor_delivery,
    send,
    strapi_delivery,
    zoho_delivery,
)
from sandbox.zoho.entities import ENTITIES

EVENTS = {
    "metadata": ("order_metadata_updated",),
    "cancel": ("order_cancelled", "order_updated"),
    "tracking": ("fulfillment_tracking_number_updated", "order_updated"),
    "second_parcel": ("fulfillment_created", "order_updated"),
    "new": ("order_created", "order_confirmed"),
}
"""Events of a kind of change (saleor-live.md 3.4 and 5.5); others send ``order_updated``."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook registered with a merchant's system."""

    system: str
    url: str
    secret: str
    headers: tuple[tuple[str, str], ...]
    form: bool


class Notices:
    """Builds and sends the webhooks of a sandbox."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._subscriptions: dict[str, list[Subscription]] = {}

    def subscribe(self, merchant: str, subscription: Subscription) -> None:
        """Register a webhook; one with the same address takes the place of the old one."""
        known = self._subscriptions.get(merchant, [])
        others = [s for s in known if (s.system, s.url) != (subscription.system, subscription.url)]
        self._subscriptions[merchant] = [*others, subscription]

    def forget(self, merchant: str) -> None:
        """Drop the merchant's webhooks."""
        self._subscriptions.pop(merchant, None)

    def forget_all(self) -> None:
        """Drop every webhook."""
        self._subscriptions.clear()

    def prepare(
        self,
        merchant: str,
        system: str,
        record_id: str,
        *,
        event: str = "order_updated",
        entity: str = "orders",
        wrapped: bool = False,
        form: bool = False,
        secret: str = "",
        url: str = "",
        spelling: int = 0,
    ) -> Delivery:
        """Build one delivery from the record as it is now; sent later, it is stale."""
        with self._state.lock:
            account = self._state.accounts[merchant]
            record = changes.find_record(account.world, system, entity, record_id)
            if system == "saleor":
                shop = account.shop
                return saleor_delivery(
                    shop.keys, shop.api_url, record, event, wrapped=wrapped, secret=secret
                )
            if system == "strapi":
                document = entry(account.world, record)
                return strapi_delivery(document, event, account.editor.version, spelling)
            if system == "reviewsio":
                author, is_product = account.world.customer(record.customer), bool(record.sku)
                return review_delivery(record, author, is_product=is_product)
            zoho = ENTITIES["salesorders" if entity == "orders" else entity]
            document = zoho.detail(account.world, record)
            return zoho_delivery(zoho.singular, record_id, document, url, form=form, secret=secret)

    def send(
        self,
        url: str,
        deliveries: Sequence[Delivery],
        *,
        corrupt: bool = False,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        **settings: Any,
    ) -> list[dict[str, Any]]:
        """Send deliveries; ``corrupt`` turns a bit of each body after signing."""
        chosen = [delivery.corrupted() for delivery in deliveries] if corrupt else deliveries
        outcomes = send(url, chosen, retry_seconds=retry_seconds, **settings)
        return [asdict(outcome) for outcome in outcomes]

    def notify(
        self, merchant: str, system: str, ids: Sequence[str], kind: str, **settings: Any
    ) -> list[dict[str, Any]]:
        """Tell every subscriber of a system about changed orders."""
        outcomes = []
        for subscription in self._subscriptions.get(merchant, []):
            if subscription.system != system:
                continue
            events = EVENTS.get(kind, ("order_updated",)) if system == "saleor" else ("",)
            deliveries = [
                self.prepare(
                    merchant,
                    system,
                    record_id,
                    event=event,
                    form=subscription.form,
                    secret=subscription.secret,
                    url=subscription.url,
                )
                for record_id in ids
                for event in events
            ]
            headers: Mapping[str, str] = dict(subscription.headers)
            outcomes += self.send(subscription.url, deliveries, headers=headers, **settings)
        return outcomes
