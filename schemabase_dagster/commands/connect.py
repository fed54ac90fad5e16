"""``schemabase app connect``: from a developer console to an app that is pulled."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

import typer
from psycopg import Connection
from pydantic import SecretStr
from rich.markup import escape

from resources import registry as systems
from resources.consent import Account, Consent, Grant, OAuthClient
from schemabase_dagster import database, tenancy
from schemabase_dagster.commands import _config, _credentials
from schemabase_dagster.commands._callback import Callback, redirect_address
from schemabase_dagster.commands._options import TenantSlug
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.terminal import plural, say, show

NAME = "app"
PORT: Final = 8976
WAIT_SECONDS: Final = 300.0

app = typer.Typer()


@app.command(epilog="Example: schemabase app connect acme zoho --key books --set datacenter=eu")
def connect(
    slug: TenantSlug,
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Kind of system: zoho.")],
    *,
    key: Annotated[str | None, typer.Option(help="Name of the app; default: the type.")] = None,
    settings: _config.Settings = None,
    self_client: Annotated[
        bool, typer.Option("--self-client", help="Use a code that the console generated.")
    ] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Paste the address that the browser ends at.")
    ] = False,
    port: Annotated[int, typer.Option(help="Where this machine waits for the browser.")] = PORT,
    credentials_stdin: _credentials.FromStdin = False,
    credentials_env: _credentials.FromEnvironment = None,
) -> None:
    """Lead through a system's consent, store what it gives, and choose the account.

    For an app that exists already, this renews the consent.
    """
    system = systems.system_of(kind)
    consent = systems.consent_of(system)
    name, config = key or kind, dict(_config.parse(settings or []))
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug)
        known = next((each for each in tenancy.list_apps(conn, tenant) if each.key == name), None)
    if known is not None:
        config = {**known.config, **config}
    place = _choose_place(consent, config)
    rights = needed_rights(consent, known)
    given = _credentials.read(
        OAuthClient, system.title, stdin=credentials_stdin, prefix=credentials_env
    )
    client = OAuthClient.model_validate(given)
    if self_client:
        say(f"Scopes of the code: [bold]{','.join(rights)}[/]")
        grant = consent.redeem(config, _with_code(client), None)
    else:
        grant = _ask_owner(consent, config, client, rights, port=port, paste=paste)
    warn(consent.missing(grant.granted, rights))
    config[grant.account_setting] = _choose(grant, config.get(grant.account_setting))
    with database.transaction() as conn:
        _store(conn, tenant, known, consent, name, config, grant)
    say(f"App [bold]{name}[/] of tenant [bold]{slug}[/] is connected ({place}).")
    say(f"Next: [bold]schemabase app check {slug} {name}[/] tries it.")


def needed_rights(consent: Consent, app: tenancy.App | None) -> list[str]:
    """Return the rights that an app's streams need; a new app has all streams of its system."""
    from assets import registry as assets  # noqa: PLC0415 - imports all assets

    streams = assets.streams_of(consent.system.name)
    if app is None:
        return consent.rights(streams.values())
    with database.transaction() as conn:
        enabled = tenancy.enabled_streams(conn, app)
    return consent.rights(streams[name] for name in enabled if name in streams)


def warn(missing: Sequence[str]) -> None:
    """Name rights that streams need and that were not given."""
    if missing:
        say(f"[yellow]Missing: {plural(len(missing), 'scope')} that streams need:[/]")
        say(f"  {', '.join(missing)}")
        say("  Their streams will fail. Consent again with them to mend it.")


def _choose_place(consent: Consent, config: dict[str, Any]) -> str:
    setting = consent.place_setting
    if setting not in config and _credentials.is_terminal():
        rows = [{"name": name, "address": address} for name, address in consent.places.items()]
        show({"name": setting, "address": "Accounts are asked at"}, rows, empty="")
        default = consent.system.config.model_fields[setting].default
        config[setting] = typer.prompt(setting, default=default)
    default = consent.system.config.model_fields[setting].default
    place = str(config.setdefault(setting, default))
    if place not in consent.places:
        raise ConfigurationError(
            f"'{place}' is no {setting}.", f"Known: {', '.join(consent.places)}."
        )
    return place


def _with_code(client: OAuthClient) -> OAuthClient:
    if client.code is not None:
        return client
    if not _credentials.is_terminal():
        raise ConfigurationError(
            "There is no code to exchange.", "Give it as 'code' beside client_id and client_secret."
        )
    return client.model_copy(
        update={"code": SecretStr(typer.prompt("  code", hide_input=True).strip())}
    )


def _ask_owner(
    consent: Consent,
    config: dict[str, Any],
    client: OAuthClient,
    rights: Sequence[str],
    *,
    port: int,
    paste: bool,
) -> Grant:
    """Lead the owner to the consent page and exchange the code that comes back."""
    state = secrets.token_urlsafe(24)
    if paste:
        redirect_uri = redirect_address(port)
        page = consent.address(config, client, redirect_uri, state=state, rights=rights)
        _show_way(page, redirect_uri)
        pasted = typer.prompt("Address that the browser ends at", hide_input=True)
        answer = dict(parse_qsl(urlsplit(pasted.strip()).query))
    else:
        with closing(Callback(port)) as callback:
            redirect_uri = callback.address
            page = consent.address(config, client, redirect_uri, state=state, rights=rights)
            _show_way(page, redirect_uri)
            answer = dict(callback.wait(state, WAIT_SECONDS))
    if not hmac.compare_digest(answer.get("state", ""), state):
        raise ConfigurationError(
            "That address does not belong to this consent.", "Repeat the command."
        )
    if "code" not in answer:
        raise ConfigurationError(
            f"The consent was refused ({escape(answer.get('error', 'no code came'))}).",
            "Repeat the command and accept.",
        )
    _follow(consent, config, answer)
    with_code = client.model_copy(update={"code": SecretStr(answer["code"])})
    return consent.redeem(config, with_code, redirect_uri)


def _show_way(address: str, redirect_uri: str) -> None:
    say(f"1. The client in the console must list this redirect address: [bold]{redirect_uri}[/]")
    say("2. Open this page, signed in as the owner of the account, and accept:")
    say(f"   {escape(address)}")


def _follow(consent: Consent, config: dict[str, Any], answer: Mapping[str, str]) -> None:
    """Take the place that the consent page named, where the owner's account really is."""
    place, setting = consent.place_of(answer), consent.place_setting
    if place is not None and place != config[setting]:
        say(f"The account is at {setting} [bold]{place}[/], not {config[setting]}.")
        config[setting] = place


def _choose(grant: Grant, wanted: object) -> str:
    """Return the key of the account that is meant."""
    accounts = {each.key: each for each in grant.accounts}
    if not accounts:
        raise ConfigurationError(
            "The consent opens no account.", "Sign in as a member of the account and repeat."
        )
    if wanted is None and len(accounts) == 1:
        (wanted,) = accounts
        say(f"It opens one account: [bold]{escape(accounts[wanted].title)}[/] ({wanted}).")
    elif wanted is None and _credentials.is_terminal():
        _list(grant.accounts, grant.account_setting)
        wanted = typer.prompt(grant.account_setting)
    if str(wanted) not in accounts:
        listed = ", ".join(f"{each.key} ({each.title})" for each in grant.accounts)
        raise ConfigurationError(
            "The consent opens several accounts."
            if wanted is None
            else f"The consent does not open account '{wanted}'.",
            f"Add --set {grant.account_setting}=..., one of {listed}.",
        )
    return str(wanted)


def _list(accounts: Sequence[Account], setting: str) -> None:
    rows = [{"key": each.key, "title": escape(each.title), "note": each.note} for each in accounts]
    show({"key": setting, "title": "Name", "note": "Facts"}, rows, empty="")


def _store(  # noqa: PLR0917 - what was found out, each once
    conn: Connection[Any],
    tenant: tenancy.Tenant,
    known: tenancy.App | None,
    consent: Consent,
    key: str,
    config: Mapping[str, Any],
    grant: Grant,
) -> None:
    from assets import registry as assets  # noqa: PLC0415 - all assets, needed at the end only

    if known is None:
        streams = list(assets.streams_of(consent.system.name))
        tenancy.check_app(conn, tenant, consent.system, key, config)
        tenancy.add_app(conn, tenant, consent.system, key, config, grant.credentials, streams)
        say(f"It pulls {plural(len(streams), 'stream')}.")
        return
    changed = {name for name, value in config.items() if known.config.get(name) != value}
    if changed:
        raise ConfigurationError(
            f"App '{key}' exists with another configuration ({', '.join(sorted(changed))}).",
            "Choose another --key, or consent for the account that it has.",
        )
    tenancy.set_credentials(conn, known, consent.system, grant.credentials)
