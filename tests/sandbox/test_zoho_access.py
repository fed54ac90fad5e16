"""Zoho: who gets in, and how often (zoho.md 1.2, 1.4, 1.5)."""

import httpx
import pytest

from sandbox.clock import ScaledClock
from sandbox.runner import Sandbox
from sandbox.zoho.limits import Limits
from tests.sandbox.callers import ZohoCaller


def test_refresh_and_client_credentials_grants_give_a_token_that_works(zoho: ZohoCaller):
    by_refresh = zoho.grant().json()
    by_client = zoho.grant(
        grant_type="client_credentials", scope="ZohoBooks.FullAccess.all", refresh_token=""
    ).json()

    for answer in (by_refresh, by_client):
        assert answer["expires_in"] == 3600
        assert answer["token_type"] == "Bearer"
        assert "refresh_token" not in answer
        zoho.header = {"Authorization": f"Bearer {answer['access_token']}"}
        assert zoho.get("salesorders").status_code == 200


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "1000.NOBODY"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client_secret"),
        ({"refresh_token": "1000.gone.gone"}, "invalid_code"),
    ],
)
def test_wrong_credentials_are_refused_with_status_200(
    zoho: ZohoCaller, changed: dict[str, str], error: str
):
    answer = zoho.grant(**changed)

    assert answer.status_code == 200
    assert answer.json() == {"error": error}


def test_parameters_may_be_in_the_query_string(zoho: ZohoCaller, http: httpx.Client):
    names = ("client_id", "client_secret", "refresh_token")
    query = {name: zoho.info[name] for name in names} | {"grant_type": "refresh_token"}

    answer = http.post(f"{zoho.info['accounts_url']}/oauth/v2/token", params=query)

    assert "access_token" in answer.json()


def test_eleventh_token_within_ten_minutes_is_throttled(zoho: ZohoCaller, box: Sandbox):
    answers = [zoho.grant() for _ in range(10)]

    assert [a.status_code for a in answers] == [200] * 9 + [400]
    assert answers[-1].json()["error"] == "Access Denied"
    box.control.set_tokens("acme", throttled=False)
    assert zoho.grant().status_code == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [("", 14), ("Zoho-oauthtoken 1000.unknown", 14), ("Basic abc", 14)],
    ids=["none", "unknown", "scheme"],
)
def test_unknown_tokens_are_401_with_code_14(zoho: ZohoCaller, header: str, code: int):
    zoho.header = {"Authorization": header} if header else {}

    answer = zoho.get("salesorders")

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_expired_and_revoked_tokens_are_401_with_code_57(zoho: ZohoCaller, box: Sandbox):
    box.control.expire_tokens("acme")
    expired = zoho.get("salesorders")
    zoho.sign_in()
    box.control.revoke_credentials("acme", "zoho")
    revoked = zoho.get("salesorders")

    for answer in (expired, revoked):
        assert (answer.status_code, answer.json()["code"]) == (401, 57)
    assert zoho.grant().json() == {"error": "invalid_code"}
    box.control.restore_credentials("acme", "zoho")
    assert zoho.get("salesorders").status_code == 200


def test_token_expires_on_the_scaled_clock(zoho: ZohoCaller, box: Sandbox):
    box.control.set_tokens("acme", seconds=3600)
    box.control.set_clock_scale(1e9)
    try:
        assert zoho.get("salesorders").status_code == 401
    finally:
        box.control.set_clock_scale(1.0)


def test_foreign_organisation_is_code_6041(zoho: ZohoCaller, box: Sandbox):
    other = box.info["merchants"]["globex"]["zoho"]["organization_id"]

    unknown = zoho.get("salesorders", organization_id="1")
    missing = zoho.get("salesorders", organization_id="")
    foreign = zoho.get("salesorders", organization_id=other)

    assert (unknown.status_code, unknown.json()["code"]) == (400, 6041)
    assert (missing.status_code, missing.json()["code"]) == (400, 6041)
    assert (foreign.status_code, foreign.json()["code"]) == (400, 6041)


def test_minute_limit_blocks_until_the_minute_is_over(zoho: ZohoCaller, box: Sandbox):
    box.control.set_limits("acme", per_minute=3)
    box.control.set_tokens("acme", seconds=1e12)
    zoho.sign_in()

    statuses = [zoho.get("contacts").status_code for _ in range(4)]
    blocked = zoho.get("contacts")

    assert statuses == [200, 200, 200, 429]
    assert blocked.json()["code"] == 44
    assert "Retry-After" not in blocked.headers
    box.control.set_clock_scale(1e6)
    try:
        assert zoho.get("contacts").status_code == 200
    finally:
        box.control.set_clock_scale(1.0)
    assert box.control.calls()["acme"]["zoho"]["refused"] == 2


def test_day_limit_is_code_45_and_names_the_number(zoho: ZohoCaller, box: Sandbox):
    box.control.set_limits("acme", per_day=2)

    answers = [zoho.get("contacts") for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == 45
    assert answers[-1].json()["message"].endswith("limit of 2.")


def test_limits_of_one_organisation_leave_the_other_alone(
    zoho: ZohoCaller, box: Sandbox, http: httpx.Client
):
    box.control.set_limits("acme", per_minute=0)
    other = type(zoho)(box.info["merchants"]["globex"]["zoho"], http)
    other.sign_in()

    assert zoho.get("contacts").status_code == 429
    assert other.get("contacts").status_code == 200


def test_concurrency_limit_counts_requests_in_flight():
    limits = Limits(ScaledClock(), concurrent=2)

    first, second, third = limits.enter(), limits.enter(), limits.enter()
    limits.leave()
    limits.leave()
    fourth = limits.enter()

    assert (first, second, fourth) == (None, None, None)
    assert third is not None
    assert third[0] == 1070
    assert limits.most_in_flight == 3
