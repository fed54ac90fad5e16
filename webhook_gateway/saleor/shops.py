"""Shops: guarded calls of an address that a stranger named (webhooks C16, SSRF).

Only the address that the operator entered is called. Even that may resolve to a machine of ours:
the connection goes to an address that was looked at, so a second answer of the name server changes
nothing.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from schemabase_dagster.errors import SchemabaseError
from webhook_gateway.jwks import parse_keys

CALL_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 1024 * 1024
APP_ID: Final = "query AppCheck { app { id name } }"
HTTPS_PORT: Final = 443

_GLOBAL_ID: Final = re.compile(r"[A-Za-z0-9+/=_-]{1,200}", re.ASCII)

_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))
"""Public by their form, but they lead to the IPv4 address that they contain."""


class ShopProhibited(SchemabaseError):  # noqa: N818 - an answer rather than a fault
    """The address may not be called."""


class ShopFailed(SchemabaseError):  # noqa: N818 - an answer rather than a fault
    """The shop did not answer as one does."""


class Shops:
    """Calls shops.

    Args:
        hosts: patterns of the hosts that may be called, such as ``*.saleor.cloud``.
        allow_local: also without TLS and on private addresses, for development.
    """

    def __init__(self, hosts: Sequence[str], *, allow_local: bool) -> None:
        self._hosts = tuple(pattern.lower() for pattern in hosts)
        self._allow_local = allow_local
        self._http = httpx.AsyncClient(
            timeout=CALL_SECONDS, follow_redirects=False, trust_env=False
        )

    async def app_id(self, api_url: str, token: str) -> str:
        """Return the id of the app that a token belongs to.

        Raises:
            ShopProhibited: the address may not be called.
            ShopFailed: the shop does not know the token or does not answer.
        """
        body = {"operationName": "AppCheck", "query": APP_ID, "variables": {}}
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        answer = await self._call("POST", api_url, headers, orjson.dumps(body))
        for name in ("data", "app", "id"):
            answer = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(answer, str) or not _GLOBAL_ID.fullmatch(answer):
            raise ShopFailed("no app id")
        return answer

    async def check_keys(self, jwks_url: str) -> None:
        """Read the shop's key set.

        Raises:
            ShopProhibited: the address may not be called.
            ShopFailed: there is no key set.
        """
        answer = await self._call("GET", jwks_url, {}, b"")
        try:
            parse_keys(answer)
        except ValueError:
            raise ShopFailed("no key set") from None

    async def close(self) -> None:
        """Give back connections."""
        await self._http.aclose()

    async def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return orjson.loads(await self._fetch(method, url, headers, body))
        except (httpx.HTTPError, TimeoutError, ValueError):
            raise ShopFailed("no usable answer") from None

    async def _fetch(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        parts = urlsplit(url)
        host = parts.hostname or ""
        self._check(parts.scheme, host)
        address = await self._resolve(host, parts.port or HTTPS_PORT)
        request = self._http.build_request(
            method,
            httpx.URL(url).copy_with(host=address),
            # an unpacked answer may be a thousand times as large as what was counted
            headers={**headers, "host": parts.netloc, "accept-encoding": "identity"},
            content=body,
            extensions={"sni_hostname": host},
        )
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != httpx.codes.OK:
                raise ShopFailed(f"status {response.status_code}")
            text = bytearray()
            async for chunk in response.aiter_raw():
                text += chunk
                if len(text) > MAX_ANSWER_BYTES:
                    raise ShopFailed("the answer is too large")
            return bytes(text)
        finally:
            await response.aclose()

    def _check(self, scheme: str, host: str) -> None:
        if scheme != "https" and not (self._allow_local and scheme == "http"):
            raise ShopProhibited("not https")
        if not any(fnmatch(host.lower(), pattern) for pattern in self._hosts):
            raise ShopProhibited("not on the list of shops")

    async def _resolve(self, host: str, port: int) -> str:
        """Return an address of a host, all of whose addresses are public."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except OSError:
            raise ShopFailed("the name does not resolve") from None
        addresses = [str(each[4][0]) for each in found]
        if not self._allow_local and not all(map(is_public, addresses)):
            raise ShopProhibited("a private address")
        return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an address is one of the internet, and leads nowhere else."""
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    is_translated = any(found in network for network in _TRANSLATED)
    return found.is_global and not (found.is_multicast or found.is_reserved or is_translated)
