"""No error, log line or representation of a client holds a credential or a record."""

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from resources.braintree import BRAINTREE, BraintreeCredentials, TransactionSearch
from resources.reviewsio import REVIEWSIO, ReviewList, ReviewsioCredentials
from resources.saleor import ORDERS, SALEOR, SaleorCredentials
from resources.shell import SystemResource
from resources.strapi import STRAPI, Collection, StrapiCredentials
from resources.xentral import XENTRAL, XentralCredentials, XentralList
from resources.zoho import ZOHO, ZohoCredentials, ZohoList
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.resources.sandboxes import MERCHANT, add_saleor_app, add_zoho_app
from tests.support import shops

CANARY = "canary7f3a"
TOKEN = (CANARY * 3)[:30]
ZOHO_ORDERS = Stream(
    "zoho_sales_orders",
    ZOHO,
    "orders",
    "",
    ZohoList(path="salesorders", list_key="salesorders"),
    "salesorder_id",
)
SALEOR_ORDERS = Stream("saleor_orders", SALEOR, "orders", "", ORDERS, "id")
REVIEWS = Stream(
    "reviewsio_merchant_reviews",
    REVIEWSIO,
    "reviews",
    "",
    ReviewList("merchant/reviews", {}, "stats.total_reviews", "order_number"),
    "store_review_id",
)
XENTRAL_ORDERS = Stream(
    "xentral_orders", XENTRAL, "orders", "", XentralList("belege/auftraege"), "id"
)
BULK_ORDERS = Stream("strapi_bulk_orders", STRAPI, "orders", "", Collection(), "id")

TRANSACTIONS = Stream(
    "braintree_transactions",
    BRAINTREE,
    "payments",
    "",
    TransactionSearch("created_at", ("created_at",)),
    "id",
)
FAULTS = ["none", "error_500", "html_502", "cut_body", "invalid_json", "rate_limited", "slow"]


@pytest.fixture(params=["zoho", "saleor", "reviewsio", "strapi", "xentral", "braintree"])
def connected(
    request: pytest.FixtureRequest,
    conn: Connection[Any],
    large_sandbox: Sandbox,
    tenant: Tenant,
) -> tuple[App, SystemResource, Stream]:
    """An app whose credentials are wrong canaries."""
    from resources.registry import resource_classes  # noqa: PLC0415 - imports Dagster

    resource = resource_classes()[request.param](
        backoff_seconds=0.01, read_seconds=0.2, max_wait_seconds=1, clock_scale=60
    )
    if request.param == "saleor":
        app = add_saleor_app(conn, large_sandbox, tenant, token=TOKEN)
        return app, resource, SALEOR_ORDERS
    if request.param == "reviewsio":
        app = shops.add_reviewsio(conn, tenant, large_sandbox)
        tenancy.set_credentials(conn, app, REVIEWSIO, {"api_key": TOKEN})
        return app, resource, REVIEWS
    if request.param == "strapi":
        return shops.add_strapi(conn, tenant, large_sandbox, token=TOKEN), resource, BULK_ORDERS
    if request.param == "xentral":
        secrets = {"username": CANARY, "password": TOKEN}
        app = shops.add_xentral(conn, tenant, large_sandbox, secrets=secrets)
        return app, resource, XENTRAL_ORDERS
    if request.param == "braintree":
        app = shops.add_braintree(conn, tenant, large_sandbox)
        keys = {"public_key": TOKEN, "private_key": TOKEN}
        tenancy.set_credentials(conn, app, BRAINTREE, keys)
        return app, resource, TRANSACTIONS
    app = add_zoho_app(conn, large_sandbox, tenant, client_secret=CANARY, refresh_token=CANARY)
    return app, resource, ZOHO_ORDERS


@pytest.mark.parametrize("kind", FAULTS)
def test_errors_and_logs_are_silent(
    connected: tuple[App, SystemResource, Stream],
    large_sandbox: Sandbox,
    kind: str,
    caplog: pytest.LogCaptureFixture,
):
    app, resource, stream = connected
    if kind != "none":
        large_sandbox.control.add_fault(kind, MERCHANT, app.type, times=None)
    caplog.set_level(logging.DEBUG, logger="")

    with resource.open(app) as client, pytest.raises(SchemabaseError) as caught:
        list(client.iter_pages(stream, since=None))

    shown = [*traceback.format_exception(caught.value), caplog.text, repr(client)]
    shown += [repr(vars(error)) for error in _chain(caught.value)]
    assert CANARY not in "".join(shown)


@pytest.mark.parametrize(
    "credentials",
    [
        ZohoCredentials.model_validate(
            {"client_id": CANARY, "client_secret": CANARY, "refresh_token": CANARY}
        ),
        SaleorCredentials.model_validate({"token": TOKEN}),
        ReviewsioCredentials.model_validate({"api_key": TOKEN}),
        StrapiCredentials.model_validate({"api_token": TOKEN}),
        XentralCredentials.model_validate({"username": CANARY, "password": CANARY}),
        BraintreeCredentials.model_validate({"public_key": TOKEN, "private_key": TOKEN}),
    ],
    ids=["zoho", "saleor", "reviewsio", "strapi", "xentral", "braintree"],
)
def test_credentials_are_not_shown(credentials: object):
    assert CANARY not in repr(credentials) + str(credentials)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
