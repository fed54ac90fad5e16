"""Two refreshes at once invalidate one another at some providers, and Zoho counts every one."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster import tokens
from schemabase_dagster.errors import CredentialError
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import App
from schemabase_dagster.tokens import Token
from tests.support.rows import one, value, waiters
from tests.support.wait import wait_until

# Takes the lock of the app's token, says so, and never comes back from the refresh.
_STUCK_REFRESH = """
import sys, time
from schemabase_dagster import database, tenancy, tokens
with database.connect() as conn:
    app = tenancy.get_app(conn, "acme", "books")
def refresh():
    print("refreshing", flush=True)
    time.sleep(600)
tokens.shared_token(app, refresh=refresh)
"""


class Counter:
    """Refreshes by counting: the first token is ``token-1``."""

    def __init__(self, expires_in: float = 3600) -> None:
        self.calls = 0
        self._expires_in = expires_in

    def __call__(self) -> Token:
        self.calls += 1
        return Token(f"token-{self.calls}", self._expires_in)


def test_stored_token_is_used_as_long_as_it_holds(zoho_app: App):
    refresh = Counter()

    assert tokens.shared_token(zoho_app, refresh=refresh) == "token-1"
    assert tokens.shared_token(zoho_app, refresh=refresh) == "token-1"
    assert refresh.calls == 1


def test_token_close_to_its_end_is_renewed(zoho_app: App):
    refresh = Counter(expires_in=299)

    tokens.shared_token(zoho_app, refresh=refresh, min_seconds_left=300)
    renewed = tokens.shared_token(zoho_app, refresh=refresh, min_seconds_left=300)
    kept = tokens.shared_token(zoho_app, refresh=refresh, min_seconds_left=200)

    assert (renewed, kept, refresh.calls) == ("token-2", "token-2", 2)


def test_many_that_need_a_token_at_once_refresh_once(conn: Connection[Any], zoho_app: App):
    others_wait = threading.Event()
    counter = Counter()
    results: list[str] = []

    def refresh() -> Token:
        assert others_wait.wait(120)
        return counter()

    def ask() -> None:
        results.append(tokens.shared_token(zoho_app, refresh=refresh))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: waiters(conn) == 5, what="five of six to wait for the lock")
    others_wait.set()
    for thread in threads:
        thread.join()

    assert results == ["token-1"] * 6
    assert counter.calls == 1


def test_killed_refresh_does_not_block_the_next(postgres: str, zoho_app: App):
    with subprocess.Popen(
        [sys.executable, "-c", _STUCK_REFRESH], cwd=ROOT, stdout=subprocess.PIPE, env=os.environ
    ) as stuck:
        assert stuck.stdout is not None
        assert stuck.stdout.readline() == b"refreshing\n"
        stuck.send_signal(signal.SIGKILL)
        stuck.wait()

    assert tokens.shared_token(zoho_app, refresh=Counter()) == "token-1"


def test_failed_refresh_stores_nothing(conn: Connection[Any], zoho_app: App):
    def refuse() -> Token:
        raise CredentialError("acme", "books", "invalid_code")

    with pytest.raises(CredentialError):
        tokens.shared_token(zoho_app, refresh=refuse)

    assert value(conn, "SELECT count(*) FROM platform.app_token") == 0
    assert tokens.shared_token(zoho_app, refresh=Counter()) == "token-1"


def test_refused_token_is_dropped(zoho_app: App):
    refresh = Counter()
    tokens.shared_token(zoho_app, refresh=refresh)

    tokens.invalidate(zoho_app, "token-1")

    assert tokens.shared_token(zoho_app, refresh=refresh) == "token-2"


def test_late_refusal_does_not_drop_the_newer_token(zoho_app: App):
    refresh = Counter()
    tokens.shared_token(zoho_app, refresh=refresh)
    tokens.invalidate(zoho_app, "token-1")
    tokens.shared_token(zoho_app, refresh=refresh)

    tokens.invalidate(zoho_app, "token-1")

    assert tokens.shared_token(zoho_app, refresh=refresh) == "token-2"


@pytest.mark.parametrize("other", ["kind", "app"])
def test_tokens_of_others_are_others(zoho_app: App, saleor_app: App, other: str):
    tokens.shared_token(zoho_app, refresh=lambda: Token("mine", 3600))
    ask: dict[str, Callable[[], str]] = {
        "kind": lambda: tokens.shared_token(zoho_app, "session", refresh=Counter()),
        "app": lambda: tokens.shared_token(saleor_app, refresh=Counter()),
    }

    assert ask[other]() == "token-1"
    assert tokens.shared_token(zoho_app, refresh=Counter()) == "mine"


def test_token_is_encrypted_and_not_shown(conn: Connection[Any], zoho_app: App):
    tokens.shared_token(zoho_app, refresh=lambda: Token("canary-token", 3600))

    row = one(conn, "SELECT token_enc FROM platform.app_token")
    assert b"canary" not in row["token_enc"]
    assert "canary" not in repr(Token("canary-token", 3600))
