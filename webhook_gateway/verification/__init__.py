"""Schemes by which a sender proves a delivery. What is missing or unknown fails closed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from schemabase_dagster import schemes
from schemabase_dagster.errors import ConfigurationError
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.jwks import Jwks
from webhook_gateway.verification.base import FromNetworks, PathOnly, Refuse, Verifier
from webhook_gateway.verification.braintree import Braintree
from webhook_gateway.verification.saleor import SaleorJws
from webhook_gateway.verification.shared import Basic, SharedSecret, json_digest, raw_digest
from webhook_gateway.verification.signed import (
    EasyPostV2,
    Hmac,
    StripeStyle,
    Zoho,
    zoho_signed_text,
)
from webhook_gateway.verification.standard import StandardWebhooks

__all__ = ["Braintree", "FromNetworks", "Verifier", "build_verifier", "zoho_signed_text"]


def build_verifier(
    verification: Mapping[str, Any],
    secrets: Sequence[Secret],
    jwks: Jwks,
    credentials: Mapping[str, str] | None = None,
) -> Verifier:
    """Return the verifier that an endpoint's configuration asks for, or one that refuses all.

    Args:
        verification: of the endpoint.
        secrets: all secrets of the endpoint.
        jwks: keys of shops.
        credentials: those of the app, where they are the proof.
    """
    try:
        schemes.scheme_of(verification)
    except ConfigurationError:
        return Refuse("scheme_unknown")
    try:
        mechanism, options = schemes.resolve(verification)
    except ConfigurationError:
        return Refuse("scheme_misconfigured")
    verifier = _BUILDERS[mechanism](options, _Proofs(secrets, jwks, credentials or {}))
    allowed = options.get("ip_allow")
    return verifier if allowed is None else FromNetworks(verifier, schemes.networks(allowed))


class _Proofs:
    """What a verifier compares with."""

    def __init__(
        self, secrets: Sequence[Secret], jwks: Jwks, credentials: Mapping[str, str]
    ) -> None:
        self.secrets = secrets
        self.jwks = jwks
        self.credentials = credentials


_Options = Mapping[str, str]


def _easypost(options: _Options, proofs: _Proofs) -> Verifier:
    if options["v2"] == "true":
        return EasyPostV2(proofs.secrets, float(options["tolerance_s"]))
    return Hmac(
        {**options, "header": "x-hmac-signature", "prefix": "hmac-sha256-hex="},
        proofs.secrets,
        is_nfkd=True,
    )


def _braintree(_options: _Options, proofs: _Proofs) -> Verifier:
    try:
        return Braintree(proofs.credentials["public_key"], proofs.credentials["private_key"])
    except KeyError:
        # Ours to mend: a sender would give up on 401.
        return Refuse("credentials_missing", 503)


_BUILDERS: Final[Mapping[str, Callable[[_Options, _Proofs], Verifier]]] = {
    "basic": lambda options, proofs: Basic(options["user"], proofs.secrets),
    "braintree": _braintree,
    "easypost": _easypost,
    "hmac": lambda options, proofs: Hmac(options, proofs.secrets),
    "path_only": lambda _options, _proofs: PathOnly(),
    "saleor_jws": lambda options, proofs: SaleorJws(
        options["jwks_url"], proofs.jwks, proofs.secrets
    ),
    "shared_secret": lambda options, proofs: SharedSecret(options, proofs.secrets, raw_digest),
    "shared_secret_legacy_json": lambda options, proofs: SharedSecret(
        options, proofs.secrets, json_digest
    ),
    "standard_webhooks": lambda options, proofs: StandardWebhooks(
        proofs.secrets, float(options["tolerance_s"])
    ),
    "stripe_style": lambda options, proofs: StripeStyle(options, proofs.secrets),
    "zoho": lambda _options, proofs: Zoho(proofs.secrets),
}
