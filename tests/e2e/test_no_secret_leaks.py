"""A canary credential and a canary payload field reach no table of Dagster and no output."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from resources.registry import systems
from sandbox.runner import Sandbox
from schemabase_dagster import operations, tenancy
from schemabase_dagster.tenancy import App, Tenant

CREDENTIAL = "canary" * 5
"""30 letters, as a Saleor token has."""

PAYLOAD = "payload-canary"


def _files_with(folder: Path, *needles: str) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(needle.encode() in path.read_bytes() for needle in needles)
    ]


def test_canaries_stay_in_our_own_database(
    conn: Connection[Any],
    tenant: Tenant,
    saleor_app: App,
    zoho_app: App,
    sandbox: Sandbox,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
):
    tenancy.set_credentials(conn, saleor_app, systems()["saleor"], {"token": CREDENTIAL})
    (order, *_) = sandbox.control.ids("acme", "zoho", "orders")
    sandbox.control.set_reference("acme", order, PAYLOAD)
    home = tmp_path / "dagster"
    home.mkdir()

    with dg.DagsterInstance.local_temp(str(home)) as instance:
        with pytest.raises(operations.SyncFailedError) as raised:
            operations.sync_one("acme", instance=instance)
        runs = instance.get_runs()

    written = capfd.readouterr()
    assert len(runs) == 1
    assert list(home.rglob("*.db")), "nothing was recorded, so nothing was searched"
    assert _files_with(home, CREDENTIAL, PAYLOAD) == []
    assert CREDENTIAL not in f"{raised.value} {written.out} {written.err}"
    assert PAYLOAD not in f"{raised.value} {written.out} {written.err}"
    landed = conn.execute(
        "SELECT count(*) FROM raw.zoho_sales_orders WHERE payload::text LIKE %s", (f"%{PAYLOAD}%",)
    ).fetchone()
    assert landed == (1,)
