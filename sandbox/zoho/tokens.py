"""Zoho's accounts server: grants, tokens that expire, and the throttle on making them."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from sandbox.clock import ScaledClock
from sandbox.merchants import Merchant

THROTTLE_TOKENS = 10
THROTTLE_SECONDS = 600.0
CODE_SECONDS = 60.0
SELF_CLIENT_SECONDS = 600.0
SCOPE = "ZohoInventory.FullAccess.all ZohoBooks.FullAccess.all"


@dataclass(frozen=True, slots=True)
class Code:
    """A code that can be exchanged once.

    Attributes:
        redirect_uri: where it was sent; None for one of a Self Client.
        expires_at: stand-in seconds.
    """

    scope: str
    redirect_uri: str | None
    expires_at: float


@dataclass(slots=True)
class TokenDesk:
    """Tokens of one organisation.

    Attributes:
        seconds: life of an access token in stand-in seconds.
        is_revoked: the refresh token is gone, and every access token with it.
        scope: what the owner consented to, of tokens that no code brought.
    """

    merchant: Merchant
    clock: ScaledClock
    seconds: float = 3600.0
    is_revoked: bool = False
    is_throttled: bool = True
    scope: str = SCOPE
    expires: dict[str, float] = field(default_factory=dict)
    made: deque[float] = field(default_factory=deque)
    codes: dict[str, Code] = field(default_factory=dict)
    rng: Random = field(default_factory=Random)

    def grant(self, form: dict[str, str], api_domain: str) -> tuple[int, dict[str, object]]:
        """Answer a token request: HTTP status and body (errors mostly come with 200)."""
        error = self._error(form)
        if error:
            return 200, {"error": error}
        now = self.clock.now()
        while self.made and self.made[0] <= now - THROTTLE_SECONDS:
            self.made.popleft()
        if self.is_throttled and len(self.made) >= THROTTLE_TOKENS:
            return 400, {
                "error_description": "You have made too many requests continuously."
                " Please try again after some time.",
                "error": "Access Denied",
                "status": "failure",
            }
        self.made.append(now)
        token = f"1000.{self.rng.randbytes(16).hex()}.{self.rng.randbytes(16).hex()}"
        self.expires[token] = now + self.seconds
        consent = {}
        if code := self.codes.pop(form.get("code", ""), None):
            consent = {"refresh_token": self.merchant.refresh_token}
            self.is_revoked = False
        return 200, {
            "access_token": token,
            **consent,
            "scope": code.scope if code else self.scope,
            "api_domain": api_domain,
            "token_type": "Bearer",
            "expires_in": int(self.seconds),
        }

    def make_code(self, scope: str, redirect_uri: str | None) -> str:
        """Make a code: it lives a minute, or ten when the console of a Self Client made it."""
        code = f"1000.{self.rng.randbytes(16).hex()}.{self.rng.randbytes(16).hex()}"
        life = SELF_CLIENT_SECONDS if redirect_uri is None else CODE_SECONDS
        scopes = scope.replace(",", " ")
        self.codes[code] = Code(scopes, redirect_uri, self.clock.now() + life)
        return code

    def refusal(self, authorization: str) -> tuple[int, str] | None:
        """Zoho's code and message when an Authorization header does not open the API."""
        scheme, _, token = authorization.partition(" ")
        if scheme not in {"Zoho-oauthtoken", "Bearer"} or token not in self.expires:
            return 14, "Invalid value passed for authtoken"
        if self.is_revoked or self.expires[token] <= self.clock.now():
            return 57, "You are not authorized to perform this operation"
        return None

    def expire_all(self) -> None:
        """Let every access token be over."""
        self.expires = dict.fromkeys(self.expires, 0.0)

    def _error(self, form: dict[str, str]) -> str | None:
        for name in ("client_id", "client_secret"):
            if form.get(name) != getattr(self.merchant, name):
                return f"invalid_{name.removesuffix('_id')}"
        match form.get("grant_type"):
            case "refresh_token":
                known = form.get("refresh_token") == self.merchant.refresh_token
                return None if known and not self.is_revoked else "invalid_code"
            case "authorization_code":
                return self._code_error(form)
            case "client_credentials":
                if self.is_revoked:
                    return "invalid_client"
                return None if "zoho" in form.get("scope", "").lower() else "invalid_scope"
            case _:
                return "unsupported_grant_type"

    def _code_error(self, form: dict[str, str]) -> str | None:
        code = self.codes.get(form.get("code", ""))
        if code is None or code.expires_at <= self.clock.now():
            return "invalid_code"
        return None if form.get("redirect_uri") == code.redirect_uri else "invalid_redirect_uri"
