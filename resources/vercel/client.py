"""VercelClient: there is nothing to ask Vercel for; it sends by itself. It keeps a key of ours."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson

from resources.api import Api, ClientOptions, UnreadClient, open_api, read_credentials
from resources.vercel.system import VERCEL, VercelConfig
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class VercelClient(UnreadClient):
    """Client of one Vercel app.

    Args:
        api: calls of the app; it makes none.
        config: the app's configuration.
        address_key: hides visitors' addresses.
    """

    def __init__(self, api: Api, config: VercelConfig, address_key: bytes) -> None:
        super().__init__(api)
        self._config = config
        self._address_key = address_key

    def hidden(self, address: str) -> str:
        """Return what stands for a visitor's address: equal ones stay equal within the app."""
        if self._config.client_address == "legacy":
            return hashlib.sha256(orjson.dumps(address)).hexdigest()
        return hmac.digest(self._address_key, address.encode(), "sha256").hex()

    def check(self) -> Mapping[str, str]:
        """Tell what there is to check: nothing but the drain that Vercel has."""
        return {"calls": "none; Vercel sends its logs to the app's webhook endpoint"}


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[VercelClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``vercel``.
        options: set by the resource.
        lane: share of a budget that does not exist.

    Raises:
        CredentialError: no key is set.
    """
    config = VercelConfig.model_validate(app.config)
    key = read_credentials(app, VERCEL).address_key.get_secret_value().encode()
    with open_api(app, options, lane) as api:
        yield VercelClient(api, config, key)
