"""Zoho's accounts server: grants, tokens that expire, and the throttle on making them."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from sandbox.clock import ScaledClock
from sandbox.merchants import Merchant

THROTTLE_TOKENS = 10
THROTTLE_SECONDS = 600.0
SCOPE = "ZohoInventory.FullAccess.all ZohoBooks.FullAccess.all"


@dataclass(slots=True)
class TokenDesk:
    """Tokens of one organisation.

    Attributes:
        seconds: life of an access token in stand-in seconds.
        is_revoked: the refresh token is gone, and every access token with it.
    """

    merchant: Merchant
    clock: ScaledClock
    seconds: float = 3600.0
    is_revoked: bool = False
    is_throttled: bool = True
    expires: dict[str, float] = field(default_factory=dict)
    made: deque[float] = field(default_factory=deque)
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
        return 200, {
            "access_token": token,
            "scope": SCOPE,
            "api_domain": api_domain,
            "token_type": "Bearer",
            "expires_in": int(self.seconds),
        }

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
        if form.get("client_id") != self.merchant.client_id:
            return "invalid_client"
        if form.get("client_secret") != self.merchant.client_secret:
            return "invalid_client_secret"
        match form.get("grant_type"):
            case "refresh_token":
                known = form.get("refresh_token") == self.merchant.refresh_token
                return None if known and not self.is_revoked else "invalid_code"
            case "client_credentials":
                if self.is_revoked:
                    return "invalid_client"
                return None if "zoho" in form.get("scope", "").lower() else "invalid_scope"
            case _:
                return "unsupported_grant_type"
