"""``schemabase app install-token``: let a shop install the app by itself."""

from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import database, installs, tenancy
from schemabase_dagster.commands import _config
from schemabase_dagster.commands._options import AsJson, TenantSlug
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.installs import Draft, Kind
from schemabase_dagster.settings import get_settings
from schemabase_dagster.tenancy import App, AppDraft, Tenant
from schemabase_dagster.terminal import print_json, say

NAME = "app"

KINDS: Final[tuple[Kind, ...]] = ("entitysync", "prepayment")
GATEWAY_ID: Final = "schemabase.prepayment"
GATEWAY_NAME: Final = "Prepayment"

app = typer.Typer()


@app.command(
    name="install-token",
    epilog="Example: schemabase app install-token acme --key shop "
    "--set api_url=https://shop.example.com/graphql/ --set order_prefix=STORE",
)
def install_token(
    slug: TenantSlug,
    *,
    kind: Annotated[str, typer.Option(help=f"{' or '.join(KINDS)}.")] = KINDS[0],
    key: Annotated[str, typer.Option(help="Key of the Saleor app, new or known.")] = SALEOR.name,
    settings: _config.Settings = None,
    gateway_id: Annotated[
        str, typer.Option(help="Id of the payment method in the shop (prepayment).")
    ] = GATEWAY_ID,
    gateway_name: Annotated[
        str, typer.Option(help="Its name for customers (prepayment).")
    ] = GATEWAY_NAME,
    currency: Annotated[
        list[str] | None,
        typer.Option(help="Currency it takes; repeat; default: the tenant's (prepayment)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the link by which a Saleor shop installs the app; it works once, for an hour.

    A new link takes the place of the former one of the tenant and kind. For a shop that is
    connected already it installs the app again: address, configuration and data stay.
    """
    chosen = _kind(kind)
    config = _config.parse(settings or [])
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug)
        drafted = _app(conn, tenant, key, dict(config), chosen)
        _check_owner(conn, tenant, drafted)
        currencies = currency or [tenant.default_currency]
        gateway = {"id": gateway_id, "name": gateway_name, "currencies": currencies}
        draft = _draft(drafted, gateway if chosen == "prepayment" else None)
        made = installs.make_token(conn, tenant, chosen, draft)
    root = get_settings().gateway_url.rstrip("/")
    url = f"{root}/v1/saleor/manifest/{chosen}?install={made.token}"
    if as_json:
        print_json(asdict(made) | {"manifest_url": url})
        return
    say(f"Manifest  [bold]{url}[/]")
    say(f"Valid     once, until {made.expires_at:%H:%M} UTC; it is shown only now.")
    say("Next: in the shop's dashboard choose Extensions, install from a manifest, and paste it.")


def _kind(given: str) -> Kind:
    for kind in KINDS:
        if kind == given:
            return kind
    raise ConfigurationError(f"'{given}' is no kind of app.", f"Use {' or '.join(KINDS)}.")


def _app(
    conn: Connection[Any], tenant: Tenant, key: str, config: dict[str, Any], kind: Kind
) -> AppDraft:
    """Return the app that the shop will stand for: a known one as it is, or a new one."""
    known = next((each for each in tenancy.list_apps(conn, tenant) if each.key == key), None)
    if known is not None:
        return _known(known, config)
    if kind == "prepayment":
        raise ConfigurationError(
            f"Tenant '{tenant.slug}' has no app '{key}' that payments could belong to.",
            "Install the kind entitysync first, or name its app by --key.",
        )
    return tenancy.draft_app(conn, tenant, SALEOR, key, config)


def _known(known: App, config: dict[str, Any]) -> AppDraft:
    if known.type != SALEOR.name:
        raise ConfigurationError(f"App '{known.key}' is no Saleor app.", "Choose another --key.")
    changed = sorted(name for name, value in config.items() if known.config.get(name) != value)
    if changed:
        raise ConfigurationError(
            f"App '{known.key}' exists with another configuration ({', '.join(changed)}).",
            "Leave --set out to install it again, or choose another --key.",
        )
    return AppDraft(
        type=known.type,
        key=known.key,
        name=known.name,
        config=known.config,
        instance_key=known.instance_key,
    )


def _check_owner(conn: Connection[Any], tenant: Tenant, draft: AppDraft) -> None:
    """Tell before the shop does that it is connected already."""
    for each in tenancy.list_apps(conn, type=SALEOR.name):
        is_same = (each.tenant_id, each.key) == (tenant.id, draft.key)
        if each.instance_key == draft.instance_key and not is_same:
            raise ConfigurationError(
                f"Shop '{draft.instance_key}' is already connected as an app.",
                "Run 'schemabase app list' to find it: one shop belongs to one app.",
            )


def _draft(drafted: AppDraft, answers: dict[str, Any] | None) -> Draft:
    from assets import registry as assets  # noqa: PLC0415 - all assets, needed by this one only

    config = SALEOR.config.model_validate(drafted.config)
    verification = dict(SALEOR.verification(config))
    return Draft(
        app=drafted,
        streams=tuple(assets.streams_of(SALEOR.name)),
        verification=verification,
        answers=answers,
        api_url=drafted.config["api_url"],
        jwks_url=verification["jwks_url"],
    )
