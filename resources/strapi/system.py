"""STRAPI: what an app of type ``strapi`` is configured with."""

from typing import Any, Final

from pydantic import Field, SecretStr

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System


class StrapiConfig(AppConfig):
    """Configuration of a Strapi app; no secret."""

    url: BaseUrl = Field(description="Address of the server, without /api")
    collection: str = Field(
        "bulkorders",
        pattern=r"^[a-z0-9][a-z0-9-]{0,60}$",
        description="Plural name of the content type, as in /api/bulkorders",
    )
    country_language: str = Field(
        "en", pattern=r"^[a-z]{2}$", description="Language of the country names in addresses"
    )
    page_size: int = Field(100, ge=1, le=100, description="Entries in a page")
    calls_per_minute: int = Field(300, ge=1, description="To spare the server; it has no limit")


class StrapiCredentials(AppCredentials, hide_input_in_errors=True):
    """API token (Settings > API tokens) that may find entries of the content type."""

    api_token: SecretStr = Field(min_length=8)


def _instance_key(config: Any) -> str:
    return f"{config.url.partition('://')[2]}/{config.collection}"


STRAPI: Final = System(
    name="strapi",
    title="Strapi",
    role="bulk_orders",
    config=StrapiConfig,
    credentials=StrapiCredentials,
    instance_key=_instance_key,
    # Strapi signs nothing: the secret is a static header of the webhook's form.
    verification=lambda _config: {
        "scheme": "shared_secret",
        "header": "Authorization",
        "event_header": "X-Strapi-Event",
    },
)
