"""What Zoho's status and code mean."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resources.http import NOT_JSON, Call, RefusedError, Reply
from resources.zoho.replies import api_judge, detail_judge, is_missing, token_judge
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)

CALL = Call("list", "list salesorders", "GET", "http://localhost/salesorders")


def reply(status: int, payload: Any, retry_after: float | None = None) -> Reply:
    return Reply(status, payload, retry_after, datetime(2026, 11, 23, tzinfo=UTC))


def code(number: int | str) -> dict[str, Any]:
    return {"code": number, "message": "some text with a customer's name"}


@pytest.mark.parametrize(
    ("status", "payload", "expected"),
    [
        pytest.param(429, code(44), RateLimited, id="too many a minute"),
        pytest.param(429, code(1070), RateLimited, id="too many at once"),
        pytest.param(429, NOT_JSON, RateLimited, id="429 of a proxy"),
        pytest.param(429, code(45), QuotaExhausted, id="day used up"),
        pytest.param(429, code(43), QuotaExhausted, id="account blocked"),
        pytest.param(400, code(6041), ProviderRejected, id="foreign organisation"),
        pytest.param(400, code(2), ProviderRejected, id="bad parameter"),
        pytest.param(404, code(5), ProviderRejected, id="unknown path"),
        pytest.param(500, code(1000), ProviderUnavailable, id="internal error"),
        pytest.param(502, NOT_JSON, ProviderUnavailable, id="HTML of a proxy"),
        pytest.param(200, code(1000), ProviderUnavailable, id="internal error with 200"),
        pytest.param(200, code(36004), ProviderRejected, id="failure with 200"),
        pytest.param(200, code("44"), RateLimited, id="code as text"),
        pytest.param(200, NOT_JSON, ProviderUnavailable, id="garbled"),
        pytest.param(200, [1], ProviderContractError, id="no object"),
    ],
)
def test_failures(status: int, payload: Any, expected: type[ProviderError]):
    with pytest.raises(ProviderError) as caught:
        api_judge(1.0)(CALL, reply(status, payload))

    assert type(caught.value) is expected
    assert "customer" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "payload"),
    [(401, code(57)), (401, code(14)), (200, code(14)), (401, NOT_JSON)],
    ids=["missing scope", "expired", "expired with 200", "no body"],
)
def test_refused_tokens(status: int, payload: Any):
    with pytest.raises(RefusedError):
        api_judge(1.0)(CALL, reply(status, payload))


@pytest.mark.parametrize("payload", [code(0), {"salesorders": []}])
def test_success(payload: Any):
    api_judge(1.0)(CALL, reply(200, payload))


def test_a_minute_is_waited_for_unless_the_answer_says_how_long():
    with pytest.raises(RateLimited) as silent:
        api_judge(60.0)(CALL, reply(429, code(44)))
    with pytest.raises(RateLimited) as telling:
        api_judge(60.0)(CALL, reply(429, code(44), retry_after=7.0))

    assert (silent.value.retry_after, telling.value.retry_after) == (1.0, 7.0)


def test_the_wrong_organisation_is_named_by_its_setting():
    with pytest.raises(ProviderRejected, match="organization_id"):
        api_judge(1.0)(CALL, reply(400, code(6041)))


@pytest.mark.parametrize(
    ("status", "payload", "missing"),
    [
        (404, code(1002), True),
        (404, code(5), False),
        (404, NOT_JSON, False),
        (404, code(0), False),
        (400, code(1002), False),
    ],
    ids=["unknown id", "unknown path", "404 of a proxy", "success?", "other status"],
)
def test_only_an_unknown_id_proves_a_record_gone(status: int, payload: Any, missing: bool):
    assert is_missing(reply(status, payload)) is missing


def test_an_unknown_id_is_no_error_of_a_detail_call():
    detail_judge(api_judge(1.0))(CALL, reply(404, code(1002)))


def refused(reason: str) -> CredentialError:
    return CredentialError("acme", "books", reason)


@pytest.mark.parametrize("error", ["invalid_code", "invalid_client", "invalid_client_secret"])
def test_token_errors_come_with_status_200(error: str):
    with pytest.raises(CredentialError, match=rf"'books' of tenant 'acme' .*\({error}\)"):
        token_judge(refused, 1.0)(CALL, reply(200, {"error": error}))


def test_the_text_of_a_token_error_is_not_repeated():
    with pytest.raises(CredentialError) as caught:
        token_judge(refused, 1.0)(CALL, reply(200, {"error": "1000.abc is no code"}))

    assert caught.value.reason == "refused"


def test_too_many_tokens_are_no_fault_of_the_credentials():
    with pytest.raises(RateLimited) as caught:
        token_judge(refused, 1.0)(CALL, reply(400, {"error": "Access Denied"}))

    assert caught.value.retry_after == 600


@pytest.mark.parametrize(
    ("status", "payload", "expected"),
    [
        (500, NOT_JSON, ProviderUnavailable),
        (200, NOT_JSON, ProviderUnavailable),
        (200, {"token_type": "Bearer"}, ProviderContractError),
    ],
    ids=["outage", "HTML", "no token"],
)
def test_other_token_answers(status: int, payload: Any, expected: type[ProviderError]):
    with pytest.raises(expected):
        token_judge(refused, 1.0)(CALL, reply(status, payload))
