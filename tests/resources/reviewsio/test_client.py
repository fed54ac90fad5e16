"""The REVIEWS.io client against the sandbox: paging, filters, ratings, faults, access."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from assets.reviews.reviewsio import (
    REVIEWSIO_MERCHANT_REVIEWS,
    REVIEWSIO_PRODUCT_RATINGS,
    REVIEWSIO_PRODUCT_REVIEWS,
)
from resources.reviewsio import REVIEWSIO
from resources.reviewsio.client import ReviewsioClient
from resources.reviewsio.resource import ReviewsioResource
from resources.reviewsio.skus import SKUS_IN_CALL, URL_BYTES, in_calls, known_skus
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.clock import parse_instant, utc_now
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.resources.script import Script
from tests.support import shops
from tests.support.shops import MERCHANT

PAGE_SIZE = 10
KINDS = [
    pytest.param(REVIEWSIO_PRODUCT_REVIEWS, "product_reviews", id="product"),
    pytest.param(REVIEWSIO_MERCHANT_REVIEWS, "merchant_reviews", id="merchant"),
]


@pytest.fixture
def app(conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_reviewsio(conn, tenant, large_sandbox, page_size=PAGE_SIZE)


@pytest.fixture
def client(app: App) -> Iterator[ReviewsioClient]:
    with quick().open(app) as client:
        yield client


def quick(**settings: Any) -> ReviewsioResource:
    values = {"backoff_seconds": 0.01, "rate_limit_seconds": 0.01}
    return ReviewsioResource(**{**values, **settings})


def moved(conn: Connection[Any], app: App, script: Script) -> App:
    """Return the app at the address of a server that answers as it is told."""
    conn.execute(
        "UPDATE platform.app SET config = config || jsonb_build_object('api_url', %s::text)",
        (script.url,),
    )
    return tenancy.get_app(conn, app.tenant_slug, app.key)


def ids(client: ReviewsioClient, stream: Stream, **options: Any) -> list[str]:
    options.setdefault("since", None)
    pages = client.iter_pages(stream, **options)
    return [str(row[stream.id_field]) for page in pages for row in page.records]


@pytest.mark.parametrize(("stream", "entity"), KINDS)
class TestListing:
    def test_every_review_is_listed_once_newest_first(
        self, client: ReviewsioClient, large_sandbox: Sandbox, stream: Stream, entity: str
    ):
        pages = list(client.iter_pages(stream, since=None))

        rows = [row for page in pages for row in page.records]
        times = [row["date_created"] for row in rows]
        assert times == sorted(times, reverse=True)
        listed = sorted(str(row[stream.id_field]) for row in rows)
        assert listed == sorted(large_sandbox.control.ids(MERCHANT, "reviewsio", entity))
        assert len(pages) > 5
        assert {page.total for page in pages} == {len(rows)}
        assert client.calls == len(pages)

    def test_the_first_page_is_page_0_and_the_last_one_has_no_position(
        self, client: ReviewsioClient, stream: Stream, entity: str
    ):
        del entity
        pages = list(client.iter_pages(stream, since=None))

        positions = [page.resume for page in pages]
        assert positions == [{"page": n} for n in range(1, len(pages))] + [None]

    def test_a_page_that_is_just_full_is_the_last(
        self, conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox, stream: Stream, entity
    ):
        total = len(large_sandbox.control.ids(MERCHANT, "reviewsio", entity))
        extra = -total % PAGE_SIZE
        large_sandbox.control.new_reviews(MERCHANT, entity, extra)
        app = shops.add_reviewsio(conn, tenant, large_sandbox, page_size=PAGE_SIZE)

        with quick().open(app) as client:
            pages = list(client.iter_pages(stream, since=None))

        assert [len(page.records) for page in pages] == [PAGE_SIZE] * ((total + extra) // PAGE_SIZE)

    def test_only_reviews_since_an_instant_are_listed_that_instant_included(
        self, client: ReviewsioClient, stream: Stream, entity: str
    ):
        del entity
        (first, *_) = client.iter_pages(stream, since=None)
        row = first.records[4]
        since = parse_instant(row["date_created"])

        found = [each for page in client.iter_pages(stream, since=since) for each in page.records]

        assert row in found
        assert all(parse_instant(each["date_created"]) >= since for each in found)
        assert ids(client, stream, since=utc_now()) == []

    def test_an_interrupted_listing_reads_the_page_before_again(
        self, client: ReviewsioClient, stream: Stream, entity: str
    ):
        del entity
        pages = list(client.iter_pages(stream, since=None))

        rest = ids(client, stream, resume=pages[2].resume)

        assert rest == [str(row[stream.id_field]) for page in pages[2:] for row in page.records]

    def test_a_review_that_goes_while_pages_are_read_takes_none_with_it(
        self, client: ReviewsioClient, large_sandbox: Sandbox, stream: Stream, entity: str
    ):
        newest_first = ids(client, stream)
        pages = iter(client._review_pages(stream.source, None, None))
        seen = [str(row[stream.id_field]) for row in next(pages).records]

        large_sandbox.control.delete_review(MERCHANT, entity, newest_first[0])
        seen += [str(row[stream.id_field]) for page in pages for row in page.records]

        assert set(seen) == set(newest_first)

    def test_records_may_come_as_an_object_by_index(
        self, client: ReviewsioClient, large_sandbox: Sandbox, stream: Stream, entity: str
    ):
        large_sandbox.control.add_fault("object_root", MERCHANT, "reviewsio", times=None)

        listed = sorted(ids(client, stream))

        assert listed == sorted(large_sandbox.control.ids(MERCHANT, "reviewsio", entity))

    def test_ids_are_looked_for_and_what_no_page_shows_is_gone(
        self, client: ReviewsioClient, large_sandbox: Sandbox, stream: Stream, entity: str
    ):
        known = large_sandbox.control.ids(MERCHANT, "reviewsio", entity)
        wanted = [f"{stream.id_prefix}{each}" for each in (known[0], known[-1], "1")]

        found = {each.external_id: each.record for each in client.look_up(stream, wanted)}

        assert [found[each] is None for each in wanted] == [False, False, True]

    def test_a_new_review_is_found_by_one_call(
        self, client: ReviewsioClient, large_sandbox: Sandbox, stream: Stream, entity: str
    ):
        (made,) = large_sandbox.control.new_reviews(MERCHANT, entity, 1)

        (found,) = client.iter_details(stream, [f"{stream.id_prefix}{made}"])

        assert found.record is not None
        assert client.calls == 1

    def test_records_are_counted_by_one_call(
        self, client: ReviewsioClient, large_sandbox: Sandbox, stream: Stream, entity: str
    ):
        assert client.count(stream) == len(large_sandbox.control.ids(MERCHANT, "reviewsio", entity))
        assert client.calls == 1


class TestRatings:
    @pytest.fixture
    def skus(self, conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox) -> list[str]:
        """Make every SKU of the merchant known, and one that cannot be asked for."""
        items = large_sandbox.state.accounts[MERCHANT].world.items
        skus = [item.sku for item in items] + ["a;b", "never reviewed"]
        conn.execute(
            "INSERT INTO core.products (tenant_id, name, match_key) VALUES (%s, 'All', 'all')",
            (tenant.id,),
        )
        conn.execute(
            "INSERT INTO core.variants (tenant_id, product_id, sku) "
            "SELECT p.tenant_id, p.id, unnest(%s::text[]) FROM core.products AS p",
            (skus,),
        )
        return skus

    def test_ratings_of_known_skus(
        self, client: ReviewsioClient, skus: list[str], large_sandbox: Sandbox
    ):
        rows = [
            row
            for page in client.iter_pages(REVIEWSIO_PRODUCT_RATINGS, since=None)
            for row in page.records
        ]

        world = large_sandbox.state.accounts[MERCHANT].world
        reviewed = {review.sku for review in world.product_reviews.by_id.values()} & set(skus)
        assert {row["sku"] for row in rows} == reviewed
        assert all(row["num_ratings"] > 0 for row in rows)
        assert client.calls == 1

    def test_skus_of_active_variants_come_first_and_none_that_would_be_read_as_two(
        self, conn: Connection[Any], tenant: Tenant, skus: list[str]
    ):
        conn.execute("UPDATE core.variants SET active = false WHERE sku = %s", (skus[0],))
        conn.execute("UPDATE core.variants SET deleted_at = now() WHERE sku = %s", (skus[1],))

        known = known_skus(tenant.id)

        assert known == [*sorted(set(skus[2:]) - {"a;b"}), skus[0]]

    def test_ratings_of_other_skus_are_left_out(
        self, conn: Connection[Any], app: App, script: Script
    ):
        script.answers[0].body = b'[{"sku": "a", "num_ratings": 1}, {"sku": "group-of-a"}]'

        with quick().open(moved(conn, app, script)) as client:
            found = list(client.look_up(REVIEWSIO_PRODUCT_RATINGS, ["a"]))

        assert [each.record for each in found] == [{"sku": "a", "num_ratings": 1}]

    def test_an_object_is_read_like_an_array(
        self, client: ReviewsioClient, skus: list[str], large_sandbox: Sandbox
    ):
        plain = ids(client, REVIEWSIO_PRODUCT_RATINGS)
        large_sandbox.control.add_fault("object_root", MERCHANT, "reviewsio")

        assert skus
        assert ids(client, REVIEWSIO_PRODUCT_RATINGS) == plain

    def test_a_tenant_without_skus_costs_no_call(self, client: ReviewsioClient):
        (page,) = client.iter_pages(REVIEWSIO_PRODUCT_RATINGS, since=None)

        assert (page.records, page.resume, client.calls) == ([], None, 0)

    def test_a_sku_without_ratings_is_gone(self, client: ReviewsioClient, skus: list[str]):
        found = {
            each.external_id: each.record
            for each in client.look_up(REVIEWSIO_PRODUCT_RATINGS, [*skus[:3], "never reviewed"])
        }

        assert found["never reviewed"] is None
        assert any(found[sku] for sku in skus[:3])

    @pytest.mark.parametrize(
        ("skus", "sizes"),
        [
            ([], []),
            ([f"s{n}" for n in range(SKUS_IN_CALL)], [SKUS_IN_CALL]),
            ([f"s{n}" for n in range(SKUS_IN_CALL + 1)], [SKUS_IN_CALL, 1]),
            (["ü" * 400, "b", "ü" * 700], [2, 1]),
            (["x" * (2 * URL_BYTES)], [1]),
        ],
        ids=["none", "just full", "one more", "long when encoded", "longer than a call"],
    )
    def test_calls_stay_short(self, skus: list[str], sizes: list[int]):
        assert [len(chunk) for chunk in in_calls(skus)] == sizes


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "rate_limited"}, RateLimited),
        ({"kind": "error_500"}, ProviderUnavailable),
        ({"kind": "html_502"}, ProviderUnavailable),
        ({"kind": "cut_body"}, ProviderUnavailable),
        ({"kind": "invalid_json"}, ProviderUnavailable),
        ({"kind": "refused_200", "text": "The page must be an integer."}, ProviderRejected),
        ({"kind": "refused_200", "text": "Invalid API key"}, CredentialError),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_error_bodies(
    client: ReviewsioClient,
    large_sandbox: Sandbox,
    fault: dict[str, Any],
    error: type[Exception],
):
    large_sandbox.control.add_fault(merchant=MERCHANT, system="reviewsio", times=None, **fault)

    with pytest.raises(error):
        ids(client, REVIEWSIO_PRODUCT_REVIEWS)


def test_a_passing_fault_is_retried(client: ReviewsioClient, large_sandbox: Sandbox):
    large_sandbox.control.add_fault("error_500", MERCHANT, "reviewsio", times=2)

    listed = ids(client, REVIEWSIO_PRODUCT_REVIEWS)

    assert len(listed) == len(large_sandbox.control.ids(MERCHANT, "reviewsio", "product_reviews"))


def test_answers_of_another_shape_break_the_contract(
    app: App, conn: Connection[Any], script: Script
):
    script.answers[0].body = b'{"reviews": "none"}'
    with quick().open(moved(conn, app, script)) as client, pytest.raises(ProviderContractError):
        ids(client, REVIEWSIO_PRODUCT_REVIEWS)


def test_the_key_travels_in_a_header_only(
    app: App, conn: Connection[Any], script: Script, large_sandbox: Sandbox
):
    script.answers[0].body = b'{"reviews": []}'

    with quick().open(moved(conn, app, script)) as client:
        ids(client, REVIEWSIO_PRODUCT_REVIEWS)

    key = large_sandbox.info["merchants"][MERCHANT]["reviewsio"]["api_key"]
    (request,) = script.requests
    assert request.headers["apikey"] == key
    assert key not in request.path
    assert "store=www.acme.example" in request.path


class TestAccess:
    def test_check_tells_what_the_key_shows(self, client: ReviewsioClient, large_sandbox: Sandbox):
        facts = client.check()

        total = len(large_sandbox.control.ids(MERCHANT, "reviewsio", "merchant_reviews"))
        assert facts == {
            "store": "Acme Trading",
            "merchant reviews": str(total),
            "orders and authors": "visible",
        }
        assert client.calls_by_kind() == {"check": 1}

    def test_an_unknown_store_is_refused(
        self, conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox
    ):
        app = shops.add_reviewsio(conn, tenant, large_sandbox, store_id="nobody")

        with quick().open(app) as client, pytest.raises(CredentialError):
            client.check()

    @pytest.mark.parametrize("what", ["check", "list"])
    def test_a_dead_key_is_refused_although_the_api_answers(
        self, client: ReviewsioClient, large_sandbox: Sandbox, what: str
    ):
        large_sandbox.control.revoke_credentials(MERCHANT, "reviewsio")

        with pytest.raises(CredentialError, match="shows nothing private"):
            client.check() if what == "check" else ids(client, REVIEWSIO_PRODUCT_REVIEWS)

    def test_without_a_key_the_public_view_is_read(
        self, conn: Connection[Any], app: App, large_sandbox: Sandbox
    ):
        tenancy.set_credentials(conn, app, REVIEWSIO, {})

        with quick().open(app) as client:
            pages = list(client.iter_pages(REVIEWSIO_PRODUCT_REVIEWS, since=None))
            facts = client.check()

        assert all("order_id" not in row for page in pages for row in page.records)
        assert sum(len(page.records) for page in pages) == len(
            large_sandbox.control.ids(MERCHANT, "reviewsio", "product_reviews")
        )
        assert facts["orders and authors"] == "hidden, there is no API key"


def test_a_page_tells_when_it_was_asked_for(client: ReviewsioClient):
    before = utc_now()

    page = next(client.iter_pages(REVIEWSIO_PRODUCT_REVIEWS, since=None))

    assert before < page.listed_at < utc_now()
