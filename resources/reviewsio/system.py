"""REVIEWSIO: what an app of type ``reviewsio`` is configured with."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, SecretStr

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System

Region = Literal["global", "uk"]

HOSTS: Final[Mapping[Region, str]] = {
    "global": "https://api.reviews.io",
    "uk": "https://api.reviews.co.uk",
}


class ReviewsioConfig(AppConfig):
    """Configuration of a REVIEWS.io app; no secret."""

    store_id: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Store key from Integrations > API, such as acme-shop or www.acme.de",
    )
    region: Region = Field("global", description="uk for accounts of reviews.co.uk")
    shop_prefix: str | None = Field(
        None,
        pattern=r"^[A-Z0-9]{1,12}$",
        description="order_prefix of the shop: reviews name order 1042, the shop STORE-1042",
    )
    keep_emails: bool = Field(
        default=False, description="Keep e-mails of authors in core, not only their hashes"
    )
    page_size: int = Field(100, ge=1, le=100, description="Reviews in a page")
    calls_per_minute: int = Field(120, ge=1, description="The vendor publishes no limit")
    api_url: BaseUrl | None = Field(None, description="Instead of the region's")

    def api_root(self) -> str:
        """Return the root of the API."""
        return self.api_url or HOSTS[self.region]


class ReviewsioCredentials(AppCredentials, hide_input_in_errors=True):
    """API key of a store.

    Without it everything can be read but what ties a review to its order and author.
    """

    api_key: SecretStr | None = Field(None, min_length=8)


def _instance_key(config: Any) -> str:
    return f"store:{config.store_id}@{config.region}"


REVIEWSIO: Final = System(
    name="reviewsio",
    title="REVIEWS.io",
    role="reviews",
    config=ReviewsioConfig,
    credentials=ReviewsioCredentials,
    instance_key=_instance_key,
    # Only the address is secret; what a delivery says is read again.
    verification=lambda _config: {
        "scheme": "path_only",
        "reason": "REVIEWS.io signs nothing and sends no header of ours",
    },
    webhook_secret=None,
    default_cron="0 8 * * *",
)
