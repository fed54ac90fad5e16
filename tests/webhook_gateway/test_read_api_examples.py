"""The examples of docs/read-api.md do what it says."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest
from psycopg import Connection

from assets.published import logistics_numbers, product_feed
from schemabase_dagster import api_tokens, read_endpoints
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import App, Tenant
from tests.support.core_rows import put, put_order, put_package

TEXT = (ROOT / "docs" / "read-api.md").read_text()
EXAMPLES = re.findall(r"```bash\n(.*?)```\s*```(json|csv)\n(.*?)```", TEXT, re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture
def environment(
    gateway: httpx.Client, conn: Connection[Any], tenant: Tenant, app: App
) -> Mapping[str, str]:
    """Variables of the examples, and the rows that they show."""
    order_id = put_order(conn, tenant, "STORE-1042", ready_to_fulfill=True)
    put_package(conn, tenant, "P1", order_id=order_id, tracking_id="01906700000001")
    conn.execute("UPDATE core.order_lines SET sku = '4711'")
    conn.execute("UPDATE core.package_lines SET sku = '4711'")
    product_id = put(
        conn, "core.products", tenant, match_key="p", name="Apple Juice", slug="apple-juice"
    )
    variant_id = put(conn, "core.variants", tenant, sku="4711", product_id=product_id)
    put(
        conn, "core.prices", tenant, variant_id=variant_id, owner_app_id=app.id, currency="EUR",
        amount="12.50",
    )  # fmt: skip
    conn.execute(
        "INSERT INTO core.external_ref (tenant_id, app_id, entity, external_id, core_id, stream) "
        "VALUES (%s, %s, 'variant', '1', %s, 'saleor_variants')",
        (tenant.id, app.id, variant_id),
    )
    names = {
        "GATEWAY": str(gateway.base_url).rstrip("/"),
        "TOKEN": api_tokens.create(conn, "docs", [tenant], ["orders", "packages"]).token,
        "FEED": read_endpoints.create_feed(conn, app, "https://shop.example/p"),
        "STATS": read_endpoints.create_logistics(conn, tenant),
    }
    with conn.transaction():
        product_feed.publish(conn, tenant)
        logistics_numbers.publish(conn, tenant)
    conn.execute("UPDATE platform.logistics_numbers SET made_at = '2026-01-05T09:15Z'")
    return names


def test_examples_answer_what_the_page_shows(environment: Mapping[str, str]):
    assert len(EXAMPLES) == 5
    for command, language, shown in EXAMPLES:
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607 - the page is written for bash
            env={**os.environ, **environment, "no_proxy": "*"},
            capture_output=True,
            check=True,
            text=True,
        )

        if language == "json":
            assert orjson.loads(done.stdout) == orjson.loads(shown)
        else:
            assert done.stdout == shown
