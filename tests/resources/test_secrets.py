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
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

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
STREAMS = (ZOHO_ORDERS, SALEOR_ORDERS, REVIEWS, BULK_ORDERS, XENTRAL_ORDERS, TRANSACTIONS)
FAULTS = ["none", "error_500", "html_502", "cut_body", "invalid_json", "rate_limited", "slow"]


WRONG = {
    "zoho": {"client_secret": CANARY, "refresh_token": CANARY},
    "saleor": {"token": TOKEN},
    "reviewsio": {"api_key": TOKEN},
    "strapi": {"api_token": TOKEN},
    "xentral": {"username": CANARY, "password": TOKEN},
    "braintree": {"public_key": TOKEN, "private_key": TOKEN},
}


@pytest.fixture(params=STREAMS, ids=[each.system.name for each in STREAMS])
def connected(
    request: pytest.FixtureRequest,
    conn: Connection[Any],
    large_sandbox: Sandbox,
    tenant: Tenant,
) -> tuple[App, SystemResource, Stream]:
    """An app whose credentials are wrong canaries."""
    from resources.registry import resource_classes  # noqa: PLC0415 - imports Dagster

    stream: Stream = request.param
    system = stream.system
    resource = resource_classes()[system.name](
        backoff_seconds=0.01, read_seconds=0.2, max_wait_seconds=1, clock_scale=60
    )
    app = shops.add(
        system, conn, tenant, large_sandbox, key="app", streams=[], secrets=WRONG[system.name]
    )
    return app, resource, stream


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
