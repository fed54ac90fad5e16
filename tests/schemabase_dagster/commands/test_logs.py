"""Without these, nobody sees which logs did not arrive, or the command shows what they say."""

import json
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from sandbox.runner import Sandbox
from schemabase_dagster.inbox import log_batches
from schemabase_dagster.inbox.log_batches import DeadDocument, Reject
from schemabase_dagster.tenancy import Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support import shops
from tests.support.rows import count
from tests.support.shops import MERCHANT


@pytest.fixture
def left_out(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
    """A document that was refused twice, and three records that could not be read."""
    site = shops.add_vercel(conn, tenant, sandbox)
    search = shops.add_elasticsearch(conn, tenant, sandbox)
    dead = DeadDocument(
        "id1", uuid4(), b'{"message":"canary"}', 400, "document_parsing_exception", "took",
        "failed to parse [canary]",
    )  # fmt: skip
    for _ in range(2):
        log_batches.keep_dead(conn, search, [dead])
    log_batches.count_rejects(conn, site, [Reject("missing", "id", 3, b"canary record", uuid4())])


def test_dead_documents_are_listed_without_what_they_say(run: Run, left_out: None):
    ran = run("logs", "dead", MERCHANT, "--json")

    (row,) = json.loads(ran.out)
    assert (row["app"], row["code"], row["path"], row["count"], row["attempts"]) == (
        "search", "document_parsing_exception", "took", 1, 2,
    )  # fmt: skip
    assert "canary" not in ran.out


def test_a_rejected_record_is_shown_only_when_asked_for(run: Run, left_out: None):
    ran = run("logs", "rejects", "--json")

    (row,) = json.loads(ran.out)
    assert (row["app"], row["code"], row["path"], row["count"]) == ("site", "missing", "id", 3)
    assert "canary" not in ran.out
    assert "canary record" in run("logs", "rejects", MERCHANT, "--sample").out


def test_retry_delivers_dead_documents(
    conn: Connection[Any], run: Run, left_out: None, sandbox: Sandbox
):
    ran = run("logs", "retry", MERCHANT)

    assert (ran.status, ran.out) == (0, "1 document delivered, 0 refused.\n")
    assert count(conn, "platform.log_dead_document") == 0
    assert sandbox.control.documents(MERCHANT) == [{"message": "canary"}]


def test_an_unknown_tenant_is_told(run: Run, conn: Connection[Any]):
    assert run("logs", "dead", "nobody").status == 2
