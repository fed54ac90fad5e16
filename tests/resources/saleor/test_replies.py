"""What Saleor's GraphQL errors mean, all of which may come with HTTP 200."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resources.http import NOT_JSON, Call, RefusedError, Reply
from resources.saleor.replies import judge
from schemabase_dagster.errors import (
    ProviderContractError,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)

CALL = Call("list", "OrdersPage", "POST", "http://localhost/graphql/")


def reply(status: int, payload: Any) -> Reply:
    return Reply(status, payload, None, datetime(2026, 11, 23, tzinfo=UTC))


def errors(code: str, message: str = "some text", data: Any = None) -> dict[str, Any]:
    error = {"message": message, "extensions": {"exception": {"code": code}}}
    return {"data": data, "errors": [error]}


@pytest.mark.parametrize(
    "code",
    ["PermissionDenied", "ExpiredSignatureError", "InvalidSignatureError", "InvalidTokenError"],
)
def test_a_refused_token_comes_with_status_200(code: str):
    with pytest.raises(RefusedError) as caught:
        judge(CALL, reply(200, errors(code, data={"orders": None})))

    assert caught.value.code == code


def test_a_refusal_counts_wherever_it_stands_among_the_errors():
    payload = errors("GraphQLError")
    payload["errors"] += errors("PermissionDenied")["errors"]

    with pytest.raises(RefusedError):
        judge(CALL, reply(200, payload))


@pytest.mark.parametrize(
    ("status", "payload", "expected"),
    [
        pytest.param(400, errors("GraphQLSyntaxError"), ProviderContractError, id="syntax"),
        pytest.param(400, errors("GraphQLError"), ProviderContractError, id="unknown field"),
        pytest.param(200, errors("GraphQLError"), ProviderRejected, id="bad cursor"),
        pytest.param(
            200, errors("GraphQLError", data={"orders": {}}), ProviderRejected, id="partial data"
        ),
        pytest.param(
            200, errors("", "Internal Server Error"), ProviderUnavailable, id="internal error"
        ),
        pytest.param(200, NOT_JSON, ProviderUnavailable, id="garbled"),
        pytest.param(200, [], ProviderContractError, id="no object"),
        pytest.param(200, {"data": None}, ProviderContractError, id="no data"),
        pytest.param(404, NOT_JSON, ProviderRejected, id="wrong path"),
        pytest.param(429, NOT_JSON, RateLimited, id="429"),
        pytest.param(503, NOT_JSON, ProviderUnavailable, id="503"),
    ],
)
def test_failures(status: int, payload: Any, expected: type[ProviderError]):
    with pytest.raises(ProviderError) as caught:
        judge(CALL, reply(status, payload))

    assert type(caught.value) is expected


def test_an_error_text_is_not_repeated():
    with pytest.raises(ProviderRejected) as caught:
        judge(CALL, reply(200, errors("no code but text", "Invalid ID: T3JkZXI6")))

    assert "T3JkZXI6" not in str(caught.value)
    assert caught.value.code == "unknown"


def test_success():
    judge(CALL, reply(200, {"data": {"orders": {}}, "extensions": {}}))
