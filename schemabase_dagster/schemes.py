"""Verification schemes of webhook endpoints: secrets, options and presets, as data.

The gateway builds its verifiers from what stands here, the command line checks and explains it. An
option that nobody knows is refused by both: a typo must not switch a protection off.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from schemabase_dagster.errors import ConfigurationError

SecretKind: TypeAlias = Literal["hmac", "hash"]

TOLERANCE_SECONDS: Final = 300
MAX_TOLERANCE_SECONDS: Final = 86_400

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_POINTER: Final = re.compile(r"(/[^/\s]{1,100}){1,10}")
_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)


class Resolved(NamedTuple):
    """A verification that was looked through.

    Attributes:
        mechanism: what computes it; several schemes are presets of one.
        options: all its options, preset and defaults included, as text.
    """

    mechanism: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a scheme.

    Attributes:
        name: as in ``--option name=value``.
        help: what it means.
        is_valid: tells whether a value may stand there.
        is_required: there is no scheme without it.
        default: its value when it is not given.
    """

    name: str
    help: str
    is_valid: Callable[[str], bool] = field(default=lambda value: bool(value.strip()))
    is_required: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way in which a sender proves its deliveries.

    Attributes:
        summary: what is checked, for people.
        secret: kind of secret that belongs to it; None = the proof is kept elsewhere.
        maker: who makes the secret: ``us``, or the ``sender``, whose secret is entered here.
        is_optional: the sender has another proof than the secret.
        options: what can be set; those of every scheme are ``COMMON``.
        preset: options that are the same for all endpoints.
        mechanism: what computes it; None = one of its own.
        complaint: tells what is wrong with a set of options that are right one by one.
        app_type: type of the apps whose credentials hold the proof.
    """

    summary: str
    secret: SecretKind | None = None
    maker: Literal["us", "sender"] = "us"
    is_optional: bool = False
    options: tuple[Option, ...] = ()
    preset: Mapping[str, str] = field(default_factory=dict)
    mechanism: str | None = None
    complaint: Callable[[Mapping[str, str]], str | None] = field(default=lambda _options: None)
    app_type: str | None = None

    @property
    def makes_secret(self) -> bool:
        """Whether ``webhook create`` makes a secret."""
        return self.secret is not None and self.maker == "us"


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def _is_tolerance(value: str) -> bool:
    try:
        return 0 < float(value) <= MAX_TOLERANCE_SECONDS
    except ValueError:
        return False


def _are_networks(value: str) -> bool:
    try:
        return bool(networks(value))
    except ValueError:
        return False


def networks(value: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks of a comma separated list.

    Raises:
        ValueError: one of them is none.
    """
    return [ipaddress.ip_network(each.strip()) for each in value.split(",")]


def _hmac_complaint(options: Mapping[str, str]) -> str | None:
    template = options["template"]
    if template.count("{body}") != 1:
        return "the template must contain {body} once"
    if ("{ts}" in template) != ("timestamp_header" in options):
        # A timestamp outside of what is signed would protect against nothing.
        return "the template must contain {ts} exactly if there is a timestamp_header"
    return None


def _shared_complaint(options: Mapping[str, str]) -> str | None:
    if ("header" in options) == ("query" in options):
        return "it needs either header or query"
    if "query" in options and "prefix" in options:
        return "a prefix needs a header"
    return None


COMMON: Final = (
    Option("ip_allow", "Networks of the sender, on top of the scheme: 192.0.2.0/24,2001:db8::/32",
           _are_networks),
    Option("event_header", "Header that names the event", _matches(_HEADER)),
    Option("event_pointer", "Where the body names the event: /type", _matches(_POINTER)),
    Option("dedupe_pointer", "Where the body has the id of the delivery: /id", _matches(_POINTER)),
    Option("sender", "Whose rules tell repeats and events: a module of webhook_gateway.providers",
           _matches(re.compile(r"[a-z][a-z0-9_]{0,40}"))),
    Option("challenge", "Query parameter that a GET gets echoed, where the sender checks the "
           "address so", _matches(_WORD)),
)  # fmt: skip
"""Options of every scheme. The two pointers and the event's header are for senders without a module
in ``webhook_gateway.providers``."""

_TOLERANCE: Final = Option(
    "tolerance_s", "Seconds that the timestamp may be off", _is_tolerance,
    default=str(TOLERANCE_SECONDS),
)  # fmt: skip
_HEADER_NAME: Final = Option("header", "Header of the signature", _matches(_HEADER), True)
_SHARED: Final = (
    Option("header", "Header of the secret", _matches(_HEADER)),
    Option("query", "Query parameter of the secret", _matches(_WORD)),
    Option("prefix", "Text before the secret, such as 'Bearer '"),
)

SCHEMES: Final[Mapping[str, Scheme]] = {
    "basic": Scheme(
        "HTTP basic authentication",
        "hash",
        options=(Option("user", "Name of the user", _matches(_WORD), default="webhook"),),
    ),
    "braintree": Scheme(
        "bt_signature of Braintree, by the API keys of the app", app_type="braintree"
    ),
    "easypost": Scheme(
        "X-Hmac-Signature of EasyPost",
        "hmac",
        options=(
            Option(
                "v2",
                "true: X-Hmac-Signature-V2 instead, over time, path and body",
                _one_of("true", "false"),
                default="false",
            ),
            _TOLERANCE,
        ),
    ),
    "github": Scheme(
        "X-Hub-Signature-256 of GitHub",
        "hmac",
        mechanism="hmac",
        preset={"header": "x-hub-signature-256", "prefix": "sha256="},
    ),
    "hmac": Scheme(
        "HMAC of the body, with or without a timestamp, in a header",
        "hmac",
        options=(
            _HEADER_NAME,
            Option("algorithm", "sha1, sha256 or sha512", _one_of("sha1", "sha256", "sha512"),
                   default="sha256"),
            Option("encoding", "hex or base64", _one_of("hex", "base64"), default="hex"),
            Option("prefix", "Text before the signature, such as sha256="),
            Option("template", "What is signed: {body}, or {ts}.{body}", default="{body}"),
            Option("timestamp_header", "Header of the timestamp", _matches(_HEADER)),
            _TOLERANCE,
        ),
        complaint=_hmac_complaint,
    ),
    "path_only": Scheme(
        "nothing but the address, which nobody can guess",
        options=(Option("reason", "Why the sender can do no better", is_required=True),),
    ),
    "saleor_jws": Scheme(
        "JWS of Saleor, by the shop's published key; HMAC where a secret was entered",
        "hmac",
        "sender",
        is_optional=True,
        options=(
            Option(
                "jwks_url",
                "Address of the shop's keys",
                lambda value: value.startswith(("https://", "http://")),
                is_required=True,
            ),
        ),
    ),
    "shared_secret": Scheme(
        "a secret in a header or query parameter",
        "hash",
        options=_SHARED,
        complaint=_shared_complaint,
    ),
    "shared_secret_legacy_json": Scheme(
        "a secret of the former system, which kept the SHA-256 of its JSON text",
        "hash",
        "sender",
        options=_SHARED,
        complaint=_shared_complaint,
    ),
    "shopify": Scheme(
        "X-Shopify-Hmac-Sha256 of Shopify",
        "hmac",
        "sender",
        mechanism="hmac",
        preset={"header": "x-shopify-hmac-sha256", "encoding": "base64"},
    ),
    "standard_webhooks": Scheme(
        "Standard Webhooks 1.0: webhook-signature, v1 and v1a", "hmac", options=(_TOLERANCE,)
    ),
    "stripe_style": Scheme(
        "t=...,v1=... in one header, as Stripe does",
        "hmac",
        "sender",
        options=(
            Option("header", "Header of timestamp and signature", _matches(_HEADER),
                   default="Stripe-Signature"),
            Option("timestamp", "Name of the timestamp", _matches(_WORD), default="t"),
            Option("signature", "Name of the signature", _matches(_WORD), default="v1"),
            _TOLERANCE,
        ),
    ),
    "vercel": Scheme(
        "x-vercel-signature of a Vercel drain",
        "hmac",
        options=(
            Option(
                "verify", "Code that Vercel shows, to be sent back in x-vercel-verify",
                _matches(_WORD),
            ),
        ),
        mechanism="hmac",
        preset={"header": "x-vercel-signature", "algorithm": "sha1"},
    ),
    "zoho": Scheme("X-Zoho-Webhook-Signature of Zoho Books and Inventory", "hmac"),
    "zoho_payments": Scheme(
        "X-Zoho-Webhook-Signature of Zoho Payments: t=...,v=...",
        "hmac",
        "sender",
        options=(_TOLERANCE,),
        mechanism="stripe_style",
        preset={"header": "X-Zoho-Webhook-Signature", "signature": "v"},
    ),
}  # fmt: skip


def scheme_of(verification: Mapping[str, Any]) -> Scheme:
    """Return the scheme that a verification names.

    Raises:
        ConfigurationError: it names none.
    """
    name = verification.get("scheme")
    if name == "ip_allow":
        raise ConfigurationError(
            "An address proves nothing by itself: 'ip_allow' is an option of every other scheme.",
            "Choose a scheme and add --option ip_allow=192.0.2.0/24.",
        )
    if not isinstance(name, str) or name not in SCHEMES:
        raise ConfigurationError(
            f"There is no verification scheme '{name}'.",
            f"Use one of {', '.join(sorted(SCHEMES))}.",
        )
    return SCHEMES[name]


def resolve(verification: Mapping[str, Any]) -> Resolved:
    """Return mechanism and complete options of a verification.

    Raises:
        ConfigurationError: the scheme is missing or unknown, or an option is missing, unknown or
            wrong.
    """
    scheme, name = scheme_of(verification), str(verification["scheme"])
    known = {option.name: option for option in (*scheme.options, *COMMON)}
    given = {
        key: _checked(name, known, key, value)
        for key, value in verification.items()
        if key != "scheme"
    }
    for option in scheme.options:
        if option.is_required and option.name not in given:
            raise ConfigurationError(
                f"Verification scheme '{name}' needs {option.name}: {option.help}.",
                f"Add --option {option.name}=...",
            )
    mechanism = scheme.mechanism or name
    options = {**_defaults(scheme), **_defaults(SCHEMES[mechanism]), **scheme.preset, **given}
    complaint = SCHEMES[mechanism].complaint(options)
    if complaint is not None:
        raise ConfigurationError(
            f"Verification scheme '{name}': {complaint}.", f"Its options: {_listed(known)}."
        )
    return Resolved(mechanism, options)


def describe() -> Iterator[tuple[str, str, str]]:
    """Yield (scheme, option, meaning) of everything; what a scheme checks has no option's name."""
    for name, scheme in sorted(SCHEMES.items()):
        yield name, "", scheme.summary
        for option in scheme.options:
            yield name, option.name, _meaning(option)
    for option in COMMON:
        yield "(any)", option.name, _meaning(option)


def _checked(name: str, known: Mapping[str, Option], key: str, value: Any) -> str:
    option = known.get(key)
    if option is None:
        raise ConfigurationError(
            f"Verification scheme '{name}' has no option '{key}'.",
            f"Its options: {_listed(known)}.",
        )
    text = _text(value)
    if text is None or not option.is_valid(text):
        raise ConfigurationError(
            f"Option '{key}' of verification scheme '{name}' has a wrong value: {option.help}.",
            f"Write for instance --option {key}={option.default or '...'}",
        )
    return text


def _defaults(scheme: Scheme) -> dict[str, str]:
    return {each.name: each.default for each in scheme.options if each.default is not None}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _meaning(option: Option) -> str:
    if option.is_required:
        return f"{option.help} (required)"
    return option.help if option.default is None else f"{option.help} (default {option.default})"


def _listed(known: Mapping[str, Option]) -> str:
    return ", ".join(known)
