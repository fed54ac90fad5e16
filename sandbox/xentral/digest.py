"""HTTP digest as Xentral checks it: realm, nonces of 24 hours, MD5 over the address as received."""

import hashlib
import secrets
from dataclasses import dataclass, field

from sandbox.clock import ScaledClock

REALM = "Xentral-API"
NONCE_SECONDS = 86_400.0
PARTS = ("username", "nonce", "opaque", "nc", "cnonce", "qop", "uri", "response")


@dataclass(slots=True)
class Gate:
    """The API account of one instance.

    Attributes:
        username: name of the account.
        password: its password.
        token: personal access token, which opens the same routes.
        is_inactive: the account was switched off.
        denied: permissions that it lacks.
        empty_is_ok: an empty list is answered 200 instead of 404, as by newer versions.
    """

    username: str
    password: str
    token: str
    clock: ScaledClock
    is_inactive: bool = False
    denied: frozenset[str] = frozenset()
    empty_is_ok: bool = False
    _nonces: dict[tuple[str, str], float] = field(default_factory=dict)

    def challenge(self) -> str:
        """A new challenge; every error carries one."""
        nonce, opaque = secrets.token_hex(16), secrets.token_hex(16)
        self._nonces[nonce, opaque] = self.clock.now()
        return f'Digest realm="{REALM}",qop="auth",nonce="{nonce}",opaque="{opaque}"'

    def refusal(self, header: str, method: str, uri: str) -> int | None:
        """The code of what is wrong with an authorisation; None when it is right."""
        scheme, _, rest = header.partition(" ")
        if scheme == "Bearer":
            return None if rest == self.token and not self.is_inactive else 7414
        if scheme != "Digest":
            return 7419 if header else 7411
        return self._digest_refusal(rest, method, uri)

    def _digest_refusal(self, rest: str, method: str, uri: str) -> int | None:
        # Cut at every comma, whether it is quoted or not.
        pairs = (part.partition("=") for part in rest.split(","))
        given = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
        if any(part not in given for part in PARTS):
            return 7412
        issued = self._nonces.get((given["nonce"], given["opaque"]))
        if issued is None or self.clock.now() - issued > NONCE_SECONDS:
            return 7416 if issued is None else 7417
        is_known = not self.is_inactive and given["username"] == self.username
        is_right = is_known and given["response"] == self._expected(given, method, uri)
        return None if is_right else 7414

    def _expected(self, given: dict[str, str], method: str, uri: str) -> str:
        account = _md5(f"{self.username}:{REALM}:{self.password}")
        request = _md5(f"{method}:{uri}")
        middle = ":".join(given[part] for part in ("nonce", "nc", "cnonce", "qop"))
        return _md5(f"{account}:{middle}:{request}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what the scheme demands
