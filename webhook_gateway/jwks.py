"""Public keys of shops: fetched from their configured address, kept ten minutes."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from webhook_gateway.answers import Refusal

KEEP_SECONDS: Final = 600
STALE_SECONDS: Final = 3600
"""Keys of a shop whose address does not answer are used for so long."""

REFETCH_SECONDS: Final = 60
RETRY_SECONDS: Final = 5
MAX_ABSENT: Final = 100
MAX_JWKS_BYTES: Final = 1024 * 1024
FETCH_SECONDS: Final = 5.0
MIN_KEY_BITS: Final = 2048


@dataclass(slots=True)
class _Shop:
    keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    fetched_at: float = float("-inf")
    refetched_at: float = float("-inf")
    failed_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Jwks:
    """Key sets by address. An address never comes from a request, only from an endpoint's row."""

    def __init__(self) -> None:
        self._shops: dict[str, _Shop] = {}
        self._http = httpx.AsyncClient(
            timeout=FETCH_SECONDS,
            follow_redirects=False,
            # an unpacked answer may be a thousand times as large as what was counted
            headers={"accept-encoding": "identity"},
        )

    async def key(self, url: str, kid: str) -> RSAPublicKey:
        """Return the key with an id, asking the shop at most once a minute for unknown ids.

        Raises:
            Refusal: 401 when the shop does not have the key; 503 when that cannot be told now,
                because a sender gives up on 401.
        """
        shop = self._shops.setdefault(url, _Shop())
        found = shop.keys.get(kid)
        if found is not None and time.monotonic() - shop.fetched_at < KEEP_SECONDS:
            return found
        async with shop.lock:
            await self._refresh(shop, url, kid)
        found = shop.keys.get(kid)
        if found is not None:
            return found
        if kid in shop.absent:
            raise Refusal(401, "unknown_key")
        wait = REFETCH_SECONDS - (time.monotonic() - shop.refetched_at)
        raise Refusal(503, "key_unknown_for_now", retry_after=max(wait, 1))

    async def close(self) -> None:
        """Give back connections."""
        await self._http.aclose()

    async def _refresh(self, shop: _Shop, url: str, kid: str) -> None:
        now = time.monotonic()
        is_expired = now - shop.fetched_at >= KEEP_SECONDS
        if not is_expired:
            if kid in shop.keys or now - shop.refetched_at < REFETCH_SECONDS:
                return
            shop.refetched_at = now
        if now - shop.failed_at >= RETRY_SECONDS:
            try:
                shop.keys = await self._fetch(url)
            except (httpx.HTTPError, TimeoutError, ValueError):
                # Counted from its end: those who waited meanwhile do not try one after the other.
                shop.failed_at = time.monotonic()
            else:
                shop.fetched_at = now
                shop.absent = {each for each in {*shop.absent, kid} if each not in shop.keys}
                if len(shop.absent) > MAX_ABSENT:
                    shop.absent = {kid} - shop.keys.keys()
                return
        if not shop.keys or now - shop.fetched_at >= STALE_SECONDS:
            raise Refusal(503, "keys_unavailable", retry_after=RETRY_SECONDS)

    async def _fetch(self, url: str) -> dict[str, RSAPublicKey]:
        # The client's own time-out begins anew with every byte.
        async with asyncio.timeout(FETCH_SECONDS), self._http.stream("GET", url) as response:
            response.raise_for_status()
            text = bytearray()
            async for chunk in response.aiter_raw():
                text += chunk
                if len(text) > MAX_JWKS_BYTES:
                    raise ValueError("the key set is too large")
        return parse_keys(orjson.loads(text))


def parse_keys(document: Any) -> dict[str, RSAPublicKey]:
    """Return the usable keys of a key set (RFC 7517) by their ids.

    Raises:
        ValueError: it is no key set, or has no key to verify RS256 with.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    usable = [entry for entry in entries if _is_usable(entry)] if isinstance(entries, list) else []
    if not usable:
        raise ValueError("not a key set")
    keys: dict[str, RSAPublicKey] = {}
    for entry in usable:
        try:
            # only what makes it a public key: other members may be of any form
            key = RSAAlgorithm.from_jwk({name: entry[name] for name in ("kty", "n", "e")})
        except (InvalidKeyError, ValueError):
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS:
            keys[entry["kid"]] = key
    return keys


def _is_usable(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and all(isinstance(entry.get(name), str) for name in ("kid", "n", "e"))
    )
