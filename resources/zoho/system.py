"""ZOHO: what an app of type ``zoho`` is configured with, and where its data centre is."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System

DataCenter = Literal["com", "eu", "in", "com.au", "jp", "ca", "com.cn", "sa"]
DATA_CENTERS: Final[tuple[str, ...]] = get_args(DataCenter)

ACCOUNTS_HOSTS: Final[Mapping[str, str]] = {"ca": "accounts.zohocloud.ca"}
"""Accounts servers that are not ``accounts.zoho.<data centre>`` (Zoho, multi-DC support)."""


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Prefix = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,12}$")]


class ZohoCustomFields(BaseModel, extra="forbid", frozen=True):
    """API names (``cf_...``) of the organisation's custom fields that carry a meaning for us."""

    ready_to_fulfill: str | None = None
    voucher_code: str | None = None
    customer_note: str | None = None
    tracking_notifications: str | None = None
    datev_customer_id: str | None = None


class ZohoConfig(AppConfig):
    """Configuration of a Zoho app; no secret."""

    organization_id: str = Field(
        pattern=r"^[0-9]{6,20}$", description="Digits, from the organisation's profile page"
    )
    datacenter: DataCenter = Field("eu", description="Where the organisation was created")
    org_language: str = Field(
        "de", pattern=r"^[a-z]{2}$", description="Language of the country names in addresses"
    )
    order_prefixes: Annotated[tuple[Prefix, ...], BeforeValidator(_split_commas)] = Field(
        (),
        description="Prefixes of shop orders that this organisation carries, such as STORE; "
        "a note for people: orders are read whatever their numbers",
    )
    custom_fields: ZohoCustomFields = ZohoCustomFields()
    contact_details: Literal["all", "business"] = Field(
        "all", description="Contacts whose persons and addresses are read, one call each"
    )
    calls_per_minute: int = Field(100, ge=60, description="Limit of the plan; 90 % are used")
    calls_per_day: int = Field(2000, ge=100, description="Limit of the plan")
    accounts_url: BaseUrl | None = Field(None, description="Instead of the data centre's")
    books_url: BaseUrl | None = Field(None, description="Instead of the data centre's")
    inventory_url: BaseUrl | None = Field(None, description="Instead of the data centre's")

    def accounts_root(self) -> str:
        """Return the root of the OAuth server."""
        host = ACCOUNTS_HOSTS.get(self.datacenter, f"accounts.zoho.{self.datacenter}")
        return self.accounts_url or f"https://{host}"

    def api_root(self, api: str) -> str:
        """Return the root of the ``books`` or ``inventory`` API."""
        if api == "books":
            return self.books_url or f"https://www.zohoapis.{self.datacenter}/books/v3"
        return self.inventory_url or f"https://www.zohoapis.{self.datacenter}/inventory/v1"


class ZohoCredentials(AppCredentials, hide_input_in_errors=True):
    """OAuth client of a Zoho app.

    Without a refresh token the client-credentials grant of a Self Client is used.
    """

    client_id: SecretStr
    client_secret: SecretStr
    refresh_token: SecretStr | None = None


def _instance_key(config: Any) -> str:
    return f"org:{config.organization_id}@{config.datacenter}"


ZOHO: Final = System(
    name="zoho",
    title="Zoho Books and Inventory",
    role="erp",
    config=ZohoConfig,
    credentials=ZohoCredentials,
    instance_key=_instance_key,
    verification=lambda _config: {"scheme": "zoho"},
    webhook_secret="hmac",  # noqa: S106 - the kind of secret, not a secret
)
