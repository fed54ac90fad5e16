"""Configurations and credentials of the systems: what is refused before it is stored."""

from typing import Any

import pytest
from pydantic import ValidationError

from resources.elasticsearch import ELASTICSEARCH, ElasticsearchConfig, ElasticsearchCredentials
from resources.reviewsio import REVIEWSIO, ReviewsioConfig
from resources.saleor import SALEOR, SaleorConfig, SaleorCredentials
from resources.strapi import STRAPI, StrapiConfig
from resources.urls import check_base_url
from resources.xentral import XENTRAL, XentralConfig, XentralCredentials
from resources.zoho import ZOHO, ZohoConfig

SHOP = "https://shop.example.com/graphql/"


def zoho(**values: Any) -> ZohoConfig:
    return ZohoConfig.model_validate({"organization_id": "20011122233", **values})


def saleor(**values: Any) -> SaleorConfig:
    return SaleorConfig.model_validate({"api_url": SHOP, **values})


def reviewsio(**values: Any) -> ReviewsioConfig:
    return ReviewsioConfig.model_validate({"store_id": "www.acme.de", **values})


@pytest.mark.parametrize(
    ("datacenter", "accounts", "books"),
    [
        ("eu", "https://accounts.zoho.eu", "https://www.zohoapis.eu/books/v3"),
        ("com.au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au/books/v3"),
        ("ca", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca/books/v3"),
    ],
)
def test_hosts_follow_the_data_centre(datacenter: str, accounts: str, books: str):
    config = zoho(datacenter=datacenter)

    assert (config.accounts_root(), config.api_root("books")) == (accounts, books)


def test_each_root_can_be_overridden():
    config = zoho(inventory_url="http://127.0.0.1:8001/inventory/v1/")

    assert config.api_root("inventory") == "http://127.0.0.1:8001/inventory/v1"
    assert config.api_root("books") == "https://www.zohoapis.eu/books/v3"


@pytest.mark.parametrize(
    "values",
    [
        {"organization_id": "12"},
        {"organization_id": "org 20011122233"},
        {"datacenter": "de"},
        {"calls_per_minute": 0},
        {"organisation": "1"},
        {"order_prefixes": "store"},
    ],
    ids=["short", "words", "no data centre", "no calls", "unknown key", "lower case"],
)
def test_wrong_zoho_configurations(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        zoho(**values)


def test_prefixes_may_be_written_with_commas():
    assert zoho(order_prefixes="STORE, B2B").order_prefixes == ("STORE", "B2B")


def test_one_organisation_can_be_claimed_once():
    assert ZOHO.instance_key(zoho()) == "org:20011122233@eu"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com/graphql",
        "http://shop.example.com/graphql/",
        "https://user:secret@shop.example.com/graphql/",
        "shop.example.com/graphql/",
        "https://shop.example.com/graphql/?a=/graphql/",
    ],
    ids=["no last slash", "clear text", "with user", "no scheme", "with query"],
)
def test_wrong_endpoints(url: str):
    with pytest.raises(ValidationError):
        saleor(api_url=url)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:80", "sandbox:8000"])
def test_clear_text_is_allowed_on_this_machine(host: str):
    assert check_base_url(f"http://{host}/x") == f"http://{host}/x"


@pytest.mark.parametrize("prefix", ["", "store", "STORE-", "A" * 13])
def test_wrong_prefixes(prefix: str):
    with pytest.raises(ValidationError):
        saleor(order_prefix=prefix)


@pytest.mark.parametrize("token", ["a" * 29, "a" * 31, "a" * 29 + "-", "ä" * 30])
def test_wrong_tokens_are_refused_without_being_repeated(token: str):
    with pytest.raises(ValidationError) as caught:
        SaleorCredentials.model_validate({"token": token})

    assert "30 letters" in str(caught.value)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "root"),
    [
        ({}, "https://api.reviews.io"),
        ({"region": "uk"}, "https://api.reviews.co.uk"),
        ({"region": "uk", "api_url": "http://127.0.0.1:8001/"}, "http://127.0.0.1:8001"),
    ],
)
def test_reviews_are_read_in_the_accounts_region(values: dict[str, Any], root: str):
    assert reviewsio(**values).api_root() == root


@pytest.mark.parametrize(
    "values",
    [
        {"store_id": ""},
        {"store_id": "acme shop"},
        {"store_id": "acme&store=other"},
        {"shop_prefix": "store"},
        {"page_size": 101},
        {"region": "eu"},
        {"api_key": "secret"},
    ],
)
def test_wrong_reviewsio_configurations(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        reviewsio(**values)


def test_one_store_can_be_claimed_once():
    assert REVIEWSIO.instance_key(reviewsio()) == "store:www.acme.de@global"
    assert REVIEWSIO.instance_key(reviewsio(region="uk")) == "store:www.acme.de@uk"


def test_webhooks_of_a_shop_are_verified_with_its_own_keys():
    assert SALEOR.verification(saleor()) == {
        "scheme": "saleor_jws",
        "jwks_url": "https://shop.example.com/.well-known/jwks.json",
    }


def test_a_shop_is_known_by_its_host_or_its_domain():
    assert SALEOR.instance_key(saleor()) == "shop.example.com"
    assert SALEOR.instance_key(saleor(domain="shop.example.org")) == "shop.example.org"


def xentral(**values: Any) -> XentralConfig:
    return XentralConfig.model_validate({"url": "https://acme.xentral.example", **values})


@pytest.mark.parametrize(
    "values",
    [
        {"url": "http://acme.xentral.example"},
        {"project_id": 0},
        {"timezone": "Berlin"},
        {"carriers": {"Go": "bike"}},
        {"language": "german"},
        {"page_size": 1001},
    ],
)
def test_wrong_xentral_configurations(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        xentral(**values)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"username": "api"},
        {"password": "canary"},
        {"username": "api", "password": "canary", "token": "canary-canary"},
        {"username": "a,b", "password": "canary"},
    ],
    ids=["nothing", "no password", "no name", "both ways", "a comma"],
)
def test_wrong_xentral_credentials_are_refused_without_being_repeated(given: dict[str, str]):
    with pytest.raises(ValidationError) as caught:
        XentralCredentials.model_validate(given)

    assert "canary" not in str(caught.value)


def test_one_project_of_an_instance_can_be_claimed_once():
    assert XENTRAL.instance_key(xentral()) == "acme.xentral.example#all"
    assert XENTRAL.instance_key(xentral(project_id=2)) == "acme.xentral.example#2"
    below = xentral(url="https://erp.example/acme/")
    assert XENTRAL.instance_key(below) == "erp.example/acme#all"


def test_one_content_type_of_a_strapi_can_be_claimed_once():
    config = StrapiConfig(url="https://cms.example/acme", collection="gifts")

    assert STRAPI.instance_key(config) == "cms.example/acme/gifts"


@pytest.mark.parametrize(
    "values",
    [{"url": "http://cms.example"}, {"collection": "Bulk Orders"}, {"page_size": 101}, {"x": 1}],
)
def test_wrong_strapi_configurations(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        StrapiConfig.model_validate({"url": "https://cms.example", **values})


def elasticsearch(**values: Any) -> ElasticsearchConfig:
    return ElasticsearchConfig.model_validate({"url": "https://logs.example:9243", **values})


@pytest.mark.parametrize(
    "values",
    [
        {"url": "http://logs.example"},
        {"index": "Logs"},
        {"index": "a/_bulk"},
        {"max_request_bytes": 10},
        {"max_request_documents": 0},
    ],
)
def test_wrong_elasticsearch_configurations(values: dict[str, Any]):
    with pytest.raises(ValidationError):
        elasticsearch(**values)


@pytest.mark.parametrize(
    "given",
    [{}, {"username": "writer"}, {"username": "w", "password": "canary", "api_key": "canary-key"}],
    ids=["nothing", "no password", "both ways"],
)
def test_wrong_elasticsearch_credentials_are_refused_without_being_repeated(given: dict[str, str]):
    with pytest.raises(ValidationError) as caught:
        ElasticsearchCredentials.model_validate(given)

    assert "canary" not in str(caught.value)


def test_one_index_can_be_claimed_once():
    assert ELASTICSEARCH.instance_key(elasticsearch(index="logs-a")) == "logs.example:9243/logs-a"
