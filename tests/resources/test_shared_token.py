"""One access token for all processes: refreshed once, by whoever comes first."""

import subprocess
import sys
from typing import Any

from psycopg import Connection

from sandbox.runner import Sandbox
from schemabase_dagster.tenancy import Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

READ = """
import sys
from assets.taxes.zoho import ZOHO_TAXES
from resources.api import ClientOptions
from resources.zoho.client import open_client
from schemabase_dagster import database, tenancy

with database.transaction() as conn:
    app = tenancy.get_app(conn, sys.argv[1], "books")
options = ClientOptions(clock_scale=60)
with open_client(app, options, "head", concurrency=4) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    list(client.iter_pages(ZOHO_TAXES, since=None))
    print(client.calls_by_kind().get("token", 0), flush=True)
database.close_pools()
"""


def read_at_once(tenant: Tenant, processes: int) -> list[int]:
    """Let several processes make their first call at once; return their token requests."""
    command = [sys.executable, "-c", READ, tenant.slug]
    running = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [int(process.communicate()[0]) for process in running]


def test_processes_that_start_at_once_refresh_once(
    conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
):
    shops.add_zoho(conn, tenant, large_sandbox)
    large_sandbox.control.add_fault("slow", MERCHANT, "zoho", where="token", seconds=0.5)

    requests = read_at_once(tenant, processes=3)

    assert sorted(requests) == [0, 0, 1]
    assert large_sandbox.control.calls()[MERCHANT]["zoho"]["token"] == 1


def test_processes_that_are_refused_at_once_refresh_once(
    conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
):
    shops.add_zoho(conn, tenant, large_sandbox)
    read_at_once(tenant, processes=1)
    large_sandbox.control.expire_tokens(MERCHANT)

    requests = read_at_once(tenant, processes=3)

    assert sorted(requests) == [0, 0, 1]
