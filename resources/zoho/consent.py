"""ZohoConsent: from a client of Zoho's API console to a refresh token and an organisation.

Zoho Accounts, OAuth 2.0: the code of a consent lives a minute, that of a Self Client as long as was
chosen in the console (3 to 10 minutes); both can be used once. A refresh token comes with
``access_type=offline`` only, and does not expire.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from resources.auth import FixedToken
from resources.consent import Account, Grant, OAuthClient
from resources.http import Call, HttpClient, HttpOptions, RefusedError
from resources.limits import Unlimited
from resources.zoho.replies import SYSTEM, api_judge, token_judge
from resources.zoho.source import ZohoList
from resources.zoho.system import ACCOUNTS_HOSTS, DATA_CENTERS, ZOHO, ZohoConfig
from schemabase_dagster.errors import ConfigurationError, ProviderContractError, SchemabaseError
from schemabase_dagster.streams import Stream

ACCOUNTS_SCOPE: Final = "ZohoInventory.settings.READ"
"""Right to list the organisations that a consent opens."""

_REASONS: Final[Mapping[str, str]] = {
    "invalid_code": "the code is unknown, used already, or older than its few minutes",
    "invalid_client": "the client id is unknown in this data centre, or of another kind",
    "invalid_client_secret": "the client secret is wrong",
    "invalid_redirect_uri": "the console does not list this redirect address for the client",
    "invalid_scope": "a scope is not known",
}


class _CodeRefusedError(SchemabaseError):
    """The accounts server refused, with this code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class ZohoConsent:
    """How an organisation of Zoho lets us in; see ``resources.consent.Consent``."""

    system = ZOHO
    place_setting = "datacenter"
    places: Mapping[str, str] = {
        name: f"https://{ACCOUNTS_HOSTS.get(name, f'accounts.zoho.{name}')}"
        for name in DATA_CENTERS
    }

    def rights(self, streams: Iterable[Stream]) -> list[str]:
        """Return the scopes that reading streams needs, and that of listing organisations."""
        sources = (stream.source for stream in streams)
        scopes = {source.scope for source in sources if isinstance(source, ZohoList)}
        return sorted(scopes | {ACCOUNTS_SCOPE})

    def missing(self, granted: str, needed: Iterable[str]) -> list[str]:
        """Return the scopes that were not granted; case has no meaning, and ALL is every right."""
        given = {scope.lower() for scope in granted.replace(",", " ").split()}
        return [scope for scope in needed if given.isdisjoint(_grants(scope.lower()))]

    def address(
        self,
        config: Mapping[str, Any],
        client: OAuthClient,
        redirect_uri: str,
        *,
        state: str,
        rights: Iterable[str],
    ) -> str:
        """Return Zoho's consent page, which asks anew even after an earlier consent."""
        query = {
            "response_type": "code",
            "client_id": client.client_id.get_secret_value(),
            "scope": ",".join(rights),
            "redirect_uri": redirect_uri,
            "access_type": "offline",
            "prompt": "consent",
            "state": state,
        }
        return f"{_config(config).accounts_root()}/oauth/v2/auth?{urlencode(query)}"

    def place_of(self, answer: Mapping[str, str]) -> str | None:
        """Return the data centre whose accounts server answered (multi-DC support)."""
        server = urlsplit(answer.get("accounts-server", "")).hostname
        known = {urlsplit(address).hostname: name for name, address in self.places.items()}
        return known.get(server)

    def redeem(
        self, config: Mapping[str, Any], client: OAuthClient, redirect_uri: str | None
    ) -> Grant:
        """Exchange the code and list the organisations."""
        settings = _config(config)
        # A code works once: a second attempt after a lost answer could only be refused.
        http = HttpClient(SYSTEM, HttpOptions(attempts=1), Unlimited(), threading.Event())
        try:
            answer = _exchange(http, settings, client, redirect_uri)
            accounts = _organizations(http, settings, answer["access_token"])
        finally:
            http.close()
        refresh_token = answer.get("refresh_token")
        if not isinstance(refresh_token, str):
            raise ProviderContractError(SYSTEM, "exchange the code: no refresh_token")
        return Grant(
            credentials={
                "client_id": client.client_id.get_secret_value(),
                "client_secret": client.client_secret.get_secret_value(),
                "refresh_token": refresh_token,
            },
            granted=str(answer.get("scope", "")),
            accounts=accounts,
            account_setting="organization_id",
        )


ZOHO_CONSENT: Final = ZohoConsent()


def _grants(scope: str) -> set[str]:
    """Return every way to grant a scope."""
    service, module, _ = scope.split(".")
    return {scope, f"{service}.{module}.all", f"{service}.fullaccess.all"}


def _config(config: Mapping[str, Any]) -> ZohoConfig:
    # The organisation is chosen at the end; the addresses do not depend on it.
    return ZohoConfig.model_validate({"organization_id": "000000", **config})


def _exchange(
    http: HttpClient, config: ZohoConfig, client: OAuthClient, redirect_uri: str | None
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "client_id": client.client_id.get_secret_value(),
        "client_secret": client.client_secret.get_secret_value(),
        "code": client.code.get_secret_value() if client.code else "",
    }
    if redirect_uri is not None:
        form["redirect_uri"] = redirect_uri
    url = f"{config.accounts_root()}/oauth/v2/token"
    call = Call("token", "exchange the code", "POST", url, form=form)
    try:
        reply = http.send(call, token_judge(_CodeRefusedError, 1.0))
    except _CodeRefusedError as refusal:
        code = refusal.code
    else:
        return reply.body(SYSTEM, call.what)
    raise ConfigurationError(
        f"Zoho refuses ({code}): {_REASONS.get(code, 'see its documentation for this code')}.",
        "Correct it and ask for a new code.",
    )


def _organizations(http: HttpClient, config: ZohoConfig, token: str) -> list[Account]:
    auth = FixedToken("Zoho-oauthtoken", token)
    url = f"{config.api_root('inventory')}/organizations"
    call = Call("check", "list organizations", "GET", url)
    try:
        body = http.send(call, api_judge(1.0), auth).body(SYSTEM, call.what)
    except RefusedError as refusal:
        code = refusal.code
    else:
        return [
            Account(
                str(each.get("organization_id")),
                str(each.get("name", "")),
                ", ".join(
                    str(each[fact])
                    for fact in ("plan_name", "currency_code", "time_zone")
                    if each.get(fact)
                ),
            )
            for each in body.get("organizations") or []
        ]
    raise ConfigurationError(
        f"Zoho gave a token that may not list organisations ({code}).",
        "Consent to ZohoInventory.settings.READ, and choose the data centre of the organisation.",
    )
