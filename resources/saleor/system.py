"""SALEOR: what an app of type ``saleor`` is configured with."""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from resources.urls import check_base_url
from schemabase_dagster.systems import AppConfig, AppCredentials, System


def _check_api_url(url: str) -> str:
    if not url.endswith("/graphql/"):
        raise ValueError("must end with /graphql/ (the last slash matters)")
    return check_base_url(url) + "/"


def _check_token(token: SecretStr) -> SecretStr:
    value = token.get_secret_value()
    if len(value) != 30 or not (value.isascii() and value.isalnum()):  # noqa: PLR2004
        raise ValueError("must be the 30 letters and digits of an app token")
    return token


GTIN_KEY: Final = "EAN"
"""Key of the metadata of a product or variant that holds its GTIN."""


class SaleorConfig(AppConfig):
    """Configuration of a Saleor app; no secret."""

    api_url: Annotated[str, AfterValidator(_check_api_url)] = Field(
        description="GraphQL endpoint, such as https://shop.example.com/graphql/"
    )
    domain: str | None = Field(
        None, description="Identity of the shop, if it is not the host of api_url"
    )
    order_prefix: str = Field(
        "STORE",
        pattern=r"^[A-Z0-9]{1,12}$",
        description="Makes order numbers unique: 1042 becomes STORE-1042",
    )
    page_size: int = Field(50, ge=1, le=100, description="Records in a page")

    def origin(self) -> str:
        """Return scheme and host of the shop."""
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.netloc}"


class SaleorCredentials(AppCredentials, hide_input_in_errors=True):
    """App token of a Saleor app (Saleor, app authentication: 30 characters, no expiry)."""

    token: Annotated[SecretStr, AfterValidator(_check_token)]


def _instance_key(config: Any) -> str:
    return str(config.domain or urlsplit(config.api_url).netloc)


def _verification(config: Any) -> dict[str, str]:
    return {"scheme": "saleor_jws", "jwks_url": f"{config.origin()}/.well-known/jwks.json"}


def _uninstalled(event: str, payload: Any) -> str | None:
    app = payload.get("app") if event == "app_deleted" and isinstance(payload, dict) else None
    found = app.get("id") if isinstance(app, dict) else None
    return found if isinstance(found, str) else None


SALEOR: Final = System(
    name="saleor",
    title="Saleor",
    role="shop",
    config=SaleorConfig,
    credentials=SaleorCredentials,
    instance_key=_instance_key,
    verification=_verification,
    webhook_secret=None,
    exclusive_config=("order_prefix",),
    uninstalled=_uninstalled,
)
