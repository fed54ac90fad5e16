"""Canary credentials and personal data stay where they belong, in all that the stack writes.

Personal data may stand in ``raw`` and ``core``, in the body of a webhook and in the payload of a
rejected record. Credentials stand nowhere but in their encrypted envelopes.
"""

import base64
import gzip
import io
import json
import logging
import os
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from psycopg import Connection

from schemabase_dagster import database, logs
from schemabase_dagster.ports import free_port
from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.stack import services
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.run import Options, Running, running
from tests.e2e.canary_story import KEY, PAYLOAD, Story
from tests.support import pages, server
from tests.support.leaks import Leak, Searcher

PERSONAL = {
    "field of a payload": PAYLOAD,
    "e-mail": "@acme.example",
    "street": "Große Straße",
    "other street": "Lindenweg",
    "second address line": "c/o Empfang",
    "name": "Großmann",
    "phone": "+4922155",
}
"""What the stand-ins' records hold in their personal fields."""

MAY_HOLD_PERSONAL = ("raw", "core", "platform.webhook_inbox.body", "platform.rejects.payload")
MAY_HOLD_CREDENTIALS = ("env", "sandbox.json", "sandbox-state.jsonl")
"""Files of the state folder: the shell file for its owner, and what belongs to the stand-ins."""


@pytest.fixture
def stack(
    postgres: str, postgres_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Running]:
    """The stack of ``make up`` on databases of the test's own, as talkative as it gets."""
    dagster = f"dagster_{uuid.uuid4().hex}"
    monkeypatch.setenv("SCHEMABASE_DAGSTER_DATABASE", dagster)
    monkeypatch.setenv("SCHEMABASE_KEYS", f"canary:{KEY}")
    monkeypatch.setenv("SCHEMABASE_LOG_LEVEL", "debug")
    for name in ("WEBSERVER_PORT", "GATEWAY_PORT", "SANDBOX_PORT"):
        # The usual ones belong to whoever is faster, another test for instance.
        monkeypatch.setattr(services, name, free_port())
    forget_settings()
    try:
        with running(Home(ROOT, tmp_path / "state"), Options(size=40)) as started:
            yield started
    finally:
        server.drop(postgres_server, server.beside(postgres, dagster))


@pytest.mark.timeout(800)
def test_canaries_stay_where_they_belong(
    stack: Running,
    conn: Connection[Any],
    postgres: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    story = Story(stack, conn, capfd, monkeypatch)
    story.connect()
    story.send_webhooks()
    with _talkative_libraries(monkeypatch) as log:
        story.let_all_go_wrong()
    story.look_around()
    shown = pages.dagster(stack.ports.webserver_url)
    told = story.printed | shown | {"libraries": log.getvalue()}

    credentials, everything = Searcher(story.secrets), Searcher(story.secrets | PERSONAL)
    leaks = {leak for place, text in told.items() for leak in everything.search(place, text)}
    leaks |= everything.search_files(stack.home.state, without=MAY_HOLD_CREDENTIALS)
    server_log = Path(os.environ[server.FOLDER_VARIABLE], "postgres", "server.log")
    leaks |= everything.search("log of PostgreSQL", server_log.read_bytes())
    leaks |= everything.search_database(database.conninfo(database.dagster_url()))
    leaks |= everything.search_database(postgres, without=MAY_HOLD_PERSONAL)
    leaks |= credentials.search_database(postgres)

    assert leaks == set()
    assert story.statuses["sync acme --asset zoho_contacts"] == 0
    assert story.statuses["sync acme --asset core/contacts"] == 1
    assert story.statuses["sync acme --asset saleor_orders"] == 4
    assert story.statuses["app check acme zoho"] == 3
    for error in ("DataCorrupted", "CredentialError", "ProviderUnavailable"):
        assert error in shown["page runs"]
    assert "send_request_headers" in told["libraries"]
    kept = {leak.place for leak in everything.search_database(postgres)}
    assert kept >= set(MAY_HOLD_PERSONAL[2:]) | {"raw.zoho_contacts.payload", "core.contacts.email"}


def test_search_sees_through_packing_and_spelling(conn: Connection[Any], postgres: str):
    secret = 'süß "and" long enough'
    plain = secret.encode()
    searcher = Searcher({"secret": secret})
    conn.execute("CREATE TABLE public.leaks (packed bytea, told jsonb)")

    for packed in (
        plain,
        zlib.compress(json.dumps({"key": secret}).encode()),
        b"x" + base64.b64encode(b"ab" + plain),
        base64.b64encode(gzip.compress(plain * 3)),
        quote_plus(secret).encode(),
        plain.hex().encode(),
    ):
        conn.execute("INSERT INTO public.leaks (packed) VALUES (%s)", (packed,))
        assert searcher.search_database(postgres) == {Leak("public.leaks.packed", "secret")}
        conn.execute("DELETE FROM public.leaks")
    conn.execute("INSERT INTO public.leaks (told) VALUES (%s)", (json.dumps({"a": secret}),))

    assert searcher.search_database(postgres) == {Leak("public.leaks.told", "secret")}


@contextmanager
def _talkative_libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Collect the finest log of the libraries that see credentials and records, unredacted."""
    monkeypatch.setattr(logs, "QUIET_LOGGERS", {})
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore", "psycopg", "tenacity")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
