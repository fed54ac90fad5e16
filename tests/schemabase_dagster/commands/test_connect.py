"""``schemabase app connect``: from a consent page or a Self Client to an app that works."""

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg import Connection

from assets import registry
from resources.consent import Account, Grant
from resources.zoho import ZOHO
from resources.zoho.consent import ZOHO_CONSENT
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.commands import connect
from schemabase_dagster.commands._callback import Callback
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.ports import free_port
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.commands.conftest import Run

FULL = "ZohoInventory.FullAccess.all,ZohoBooks.FullAccess.all"


@pytest.fixture
def zoho(sandbox: Sandbox) -> dict[str, Any]:
    """Addresses and client of ``acme``'s organisation in the sandbox."""
    info: dict[str, Any] = sandbox.info["merchants"]["acme"]["zoho"]
    return info


@pytest.fixture
def words(zoho: dict[str, Any]) -> list[str]:
    """Words of the command that lead to the sandbox."""
    places = ("accounts_url", "books_url", "inventory_url")
    settings = [word for name in places for word in ("--set", f"{name}={zoho[name]}")]
    return ["app", "connect", "acme", "zoho", "--key", "books", "--credentials-stdin", *settings]


def secrets(zoho: dict[str, Any], **more: str) -> str:
    return json.dumps({name: zoho[name] for name in ("client_id", "client_secret")} | more)


def console_code(zoho: dict[str, Any], scope: str = FULL) -> str:
    """A code as the console generates it for a Self Client."""
    url = f"{zoho['accounts_url']}/console/self-client"
    page = httpx.get(url, params={"client_id": zoho["client_id"], "scope": scope}).text
    found = re.search(r"<code>(.+)</code>", page)
    assert found is not None
    return found[1]


def test_self_client_code_connects_the_only_organisation(
    run: Run, conn: Connection[Any], tenant: Tenant, zoho: dict[str, Any], words: list[str]
):
    ran = run(*words, "--self-client", stdin=secrets(zoho, code=console_code(zoho)))

    assert ran.status == 0, ran.err
    app = tenancy.get_app(conn, "acme", "books")
    assert app.config["organization_id"] == zoho["organization_id"]
    stored = tenancy.load_credentials(conn, app, ZOHO)
    assert stored.refresh_token.get_secret_value() == zoho["refresh_token"]
    assert run("app", "check", "acme", "books").status == 0


def test_nothing_secret_is_printed(
    run: Run, tenant: Tenant, zoho: dict[str, Any], words: list[str]
):
    code = console_code(zoho)

    ran = run(*words, "--self-client", stdin=secrets(zoho, code=code))

    for secret in (code, zoho["client_secret"], zoho["refresh_token"]):
        assert secret not in ran.out + ran.err


def test_missing_scopes_are_named(
    run: Run, tenant: Tenant, sandbox: Sandbox, zoho: dict[str, Any], words: list[str]
):
    scope = "ZohoInventory.FullAccess.all,ZohoBooks.settings.ALL"
    sandbox.control.limit_scope("acme", scope)
    code = console_code(zoho, scope)

    connected = run(*words, "--self-client", stdin=secrets(zoho, code=code))
    checked = run("app", "check", "acme", "books")

    assert (connected.status, checked.status) == (0, 0)
    for ran in (connected, checked):
        missing = ran.out.partition("streams need:")[2].splitlines()[1]
        assert missing.split() == [
            "ZohoBooks.banking.READ,", "ZohoBooks.creditnotes.READ,",
            "ZohoBooks.customerpayments.READ,", "ZohoBooks.invoices.READ",
        ]  # fmt: skip


def test_an_app_is_asked_for_what_its_streams_need(
    run: Run, conn: Connection[Any], zoho_app: App, sandbox: Sandbox
):
    sandbox.control.limit_scope("acme", "ZohoInventory.settings.READ")
    tenancy.disable_streams(conn, zoho_app, tenancy.enabled_streams(conn, zoho_app))
    tenancy.enable_streams(conn, zoho_app, ["zoho_credit_notes", "zoho_credit_note_refunds"])

    ran = run("app", "check", "acme", "books")

    assert "Missing: 1 scope that streams need:\n  ZohoBooks.creditnotes.READ\n" in ran.out


def test_the_consent_asks_for_the_scopes_of_all_streams_and_no_more():
    rights = ZOHO_CONSENT.rights(registry.streams_of("zoho").values())

    assert rights == [
        "ZohoBooks.banking.READ", "ZohoBooks.creditnotes.READ", "ZohoBooks.customerpayments.READ",
        "ZohoBooks.invoices.READ", "ZohoInventory.compositeitems.READ",
        "ZohoInventory.contacts.READ", "ZohoInventory.items.READ", "ZohoInventory.packages.READ",
        "ZohoInventory.salesorders.READ", "ZohoInventory.salesreturns.READ",
        "ZohoInventory.settings.READ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("ZohoBooks.fullaccess.all zohoinventory.FULLACCESS.ALL", []),
        ("", ["ZohoBooks.invoices.READ", "ZohoInventory.settings.READ"]),
        ("ZohoInventory.settings.all,ZohoBooks.invoices.CREATE", ["ZohoBooks.invoices.READ"]),
    ],
)
def test_scopes_are_compared_by_meaning(granted: str, missing: list[str]):
    needed = ["ZohoBooks.invoices.READ", "ZohoInventory.settings.READ"]

    assert ZOHO_CONSENT.missing(granted, needed) == missing


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": "1000.gone"}, "the code is unknown, used already"),
        ({"client_secret": "wrong"}, "the client secret is wrong"),
        ({"client_id": "1000.NOBODY"}, "the client id is unknown"),
    ],
)
def test_refusal_is_told_in_words(
    run: Run,
    tenant: Tenant,
    zoho: dict[str, Any],
    words: list[str],
    changes: dict[str, str],
    reason: str,
):
    given = json.loads(secrets(zoho, code=console_code(zoho))) | changes

    ran = run(*words, "--self-client", stdin=json.dumps(given))

    assert (ran.status, reason in ran.err) == (2, True)
    assert ran.err.count("\n") == 1


def test_code_works_once(run: Run, tenant: Tenant, zoho: dict[str, Any], words: list[str]):
    given = secrets(zoho, code=console_code(zoho))
    assert run(*words, "--self-client", stdin=given).status == 0

    assert "used already" in run(*words, "--self-client", stdin=given).err


def test_consent_of_an_app_is_renewed(
    run: Run, conn: Connection[Any], zoho_app: App, sandbox: Sandbox, zoho: dict[str, Any],
    words: list[str],
):  # fmt: skip
    tenancy.mark_credentials_failed(conn, zoho_app, "invalid_code")

    ran = run(*words, "--self-client", stdin=secrets(zoho, code=console_code(zoho)))

    assert ran.status == 0, ran.err
    assert tenancy.get_app(conn, "acme", "books").credentials_failed_at is None


Browse = Callable[[str], tuple[threading.Thread, list[int]]]


@pytest.fixture
def browse(monkeypatch: pytest.MonkeyPatch) -> Browse:
    """Start the browser of an owner who decides as soon as the command shows the page."""
    shown: list[str] = []

    def start(choice: str) -> tuple[threading.Thread, list[int]]:
        pages: list[int] = []

        def decide() -> None:
            until = time.monotonic() + 30
            while time.monotonic() < until and not shown:
                threading.Event().wait(0.02)
            body = {"choice": choice}
            pages.append(httpx.get(shown[0]).status_code)
            pages.append(httpx.post(shown[0], data=body, follow_redirects=True).status_code)

        owner = threading.Thread(target=decide)
        owner.start()
        return owner, pages

    monkeypatch.setattr(connect, "_show_way", lambda address, _redirect_uri: shown.append(address))
    return start


def test_owner_consents_in_the_browser(
    run: Run, tenant: Tenant, zoho: dict[str, Any], words: list[str], browse: Browse
):
    owner, pages = browse("accept")

    ran = run(*words, "--port", str(free_port()), stdin=secrets(zoho))
    owner.join()

    assert ran.status == 0, ran.err
    assert pages == [200, 200]
    assert run("app", "check", "acme", "books").status == 0


def test_owner_who_rejects_leaves_no_app(
    run: Run, conn: Connection[Any], tenant: Tenant, zoho: dict[str, Any], words: list[str],
    browse: Browse,
):  # fmt: skip
    owner, _ = browse("reject")

    ran = run(*words, "--port", str(free_port()), stdin=secrets(zoho))
    owner.join()

    assert (ran.status, "access_denied" in ran.err) == (2, True)
    assert tenancy.list_apps(conn, tenant) == []


def test_forged_answer_is_not_taken():
    callback = Callback(0)
    url = f"http://127.0.0.1:{urlsplit(callback.address).port}/callback"
    codes: list[int] = []

    def browse() -> None:
        codes.extend(
            httpx.get(url, params={"code": "x", "state": state}).status_code
            for state in ("forged", "ours")
        )

    browser = threading.Thread(target=browse)
    browser.start()
    answer = callback.wait("ours", 30)
    browser.join()
    callback.close()

    assert codes == [404, 200]
    assert answer["state"] == "ours"


def test_nobody_coming_back_ends_with_the_next_step():
    callback = Callback(0)

    with pytest.raises(ConfigurationError, match="--paste"):
        callback.wait("ours", 0.01)

    callback.close()


def test_data_centre_that_answered_is_recognised():
    answers = {
        "https://accounts.zoho.com.au": "com.au",
        "https://accounts.zohocloud.ca": "ca",
        "https://evil.example": None,
        "": None,
    }

    found = {each: ZOHO_CONSENT.place_of({"accounts-server": each}) for each in answers}

    assert found == answers


def test_several_organisations_are_listed_to_choose_from():
    accounts = [Account("111111", "Acme"), Account("222222", "Acme US")]
    grant = Grant({}, "", accounts, "organization_id")

    with pytest.raises(ConfigurationError, match=r"111111 \(Acme\), 222222 \(Acme US\)"):
        connect._choose(grant, None)

    assert connect._choose(grant, "222222") == "222222"


def test_system_without_consent_says_what_to_do_instead(run: Run, tenant: Tenant):
    ran = run("app", "connect", "acme", "saleor")

    assert (ran.status, "app add TENANT saleor" in ran.err) == (2, True)
