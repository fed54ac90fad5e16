"""One call over a real socket: retried, bounded, counted, and silent about secrets."""

import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from resources.auth import FixedToken
from resources.http import USER_AGENT, Call, HttpClient, HttpOptions, Reply, judge_status
from resources.limits import Unlimited
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import (
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from tests.resources.script import Answer, Script

CANARY = "canary-7f3a"
QUICK = HttpOptions(backoff_seconds=0.01, max_wait_seconds=60)
IMPATIENT = replace(QUICK, read_seconds=0.3)
"""For a server that does not answer; a slow machine looks like one."""


class Blocked(Unlimited):
    """Tells that the provider asked to slow down."""

    def __init__(self) -> None:
        self.is_blocked = threading.Event()

    def block(self, _seconds: float) -> None:
        self.is_blocked.set()


def judge(call: Call, reply: Reply) -> None:
    judge_status("zoho", call, reply)
    reply.body("zoho", call.what)


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[HttpClient]:
    """A client that gives up soon only where the test's answer hangs."""
    answer = getattr(request.node, "callspec", None) and request.node.callspec.params.get("answer")
    options = IMPATIENT if answer is not None and answer.hangs else QUICK
    client = HttpClient("zoho", options, Unlimited(), threading.Event())
    yield client
    client.close()


def call_to(script: Script, path: str = "/orders") -> Call:
    return Call("list", "list orders", "GET", script.url + path, params={"a": "b+c d"})


def test_an_answer_is_parsed_with_the_servers_clock(client: HttpClient, script: Script):
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    script.answers = [Answer(headers={"Date": format_datetime(at, usegmt=True)})]

    reply = client.send(call_to(script), judge)

    assert reply.payload == {"ok": True}
    assert at - timedelta(seconds=60) < reply.made_at <= at


def test_without_a_date_our_clock_stands_in(client: HttpClient, script: Script):
    before = utc_now()

    reply = client.send(call_to(script), judge)

    assert before - timedelta(seconds=60) < reply.made_at <= utc_now()


def test_parameters_are_encoded_once_and_the_client_names_itself(
    client: HttpClient, script: Script
):
    client.send(call_to(script), judge, FixedToken("Bearer", "t"))

    request = script.requests[0]
    assert request.path == "/orders?a=b%2Bc+d"
    assert request.headers["user-agent"] == USER_AGENT
    assert request.headers["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(503, b"<html>"),
        Answer(body=b'{"cut": ', promised=900),
        Answer(body=b'{"a":,}'),
        Answer(429, b"{}", {"Retry-After": "0"}),
    ],
    ids=["500", "503 in HTML", "cut off", "invalid JSON", "429"],
)
def test_what_may_pass_is_tried_again(client: HttpClient, script: Script, answer: Answer):
    script.answers = [answer, answer, Answer()]

    reply = client.send(call_to(script), judge)

    assert reply.payload == {"ok": True}
    assert client.calls_by_kind == {"list": 3}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(500), ProviderUnavailable),
        (Answer(body=b'{"cut": ', promised=900), ProviderUnavailable),
        (Answer(body=b"<html>"), ProviderUnavailable),
        (Answer(hangs=True), ProviderUnavailable),
        (Answer(429, b"{}", {"Retry-After": "0"}), RateLimited),
    ],
    ids=["500", "cut off", "HTML", "time-out", "429"],
)
def test_what_does_not_pass_ends_after_the_attempts(
    client: HttpClient, script: Script, answer: Answer, expected: type[Exception]
):
    script.answers = [answer]

    with pytest.raises(expected):
        client.send(call_to(script), judge)

    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(Answer(400, b"{}"), ProviderRejected), (Answer(body=b"[]"), ProviderContractError)],
    ids=["400", "no object"],
)
def test_what_cannot_pass_is_not_tried_again(
    client: HttpClient, script: Script, answer: Answer, expected: type[Exception]
):
    script.answers = [answer]

    with pytest.raises(expected):
        client.send(call_to(script), judge)

    assert len(script.requests) == 1


def test_a_long_pause_is_left_to_the_next_run(client: HttpClient, script: Script):
    script.answers = [Answer(429, b"{}", {"Retry-After": "3600"})]

    with pytest.raises(RateLimited) as caught:
        client.send(call_to(script), judge)

    assert caught.value.retry_after == 3600
    assert len(script.requests) == 1


def test_retry_after_is_honoured(client: HttpClient, script: Script):
    script.answers = [Answer(503, b"{}", {"Retry-After": "1"}), Answer()]

    started = time.monotonic()
    client.send(call_to(script), judge)

    assert time.monotonic() - started >= 1.0


def test_retry_after_may_be_a_date(client: HttpClient, script: Script):
    until = format_datetime(utc_now() + timedelta(hours=1), usegmt=True)
    script.answers = [Answer(429, b"{}", {"Retry-After": until})]

    with pytest.raises(RateLimited) as caught:
        client.send(call_to(script), judge)

    assert caught.value.retry_after is not None
    assert 3500 < caught.value.retry_after <= 3600


def test_closing_ends_a_pause(script: Script):
    """Otherwise this takes longer than a test may."""
    script.answers = [Answer(429, b"{}", {"Retry-After": "600"})]
    options, limiter = replace(QUICK, max_wait_seconds=900), Blocked()
    client = HttpClient("zoho", options, limiter, threading.Event())

    def close() -> None:
        limiter.is_blocked.wait()
        client.close()

    closer = threading.Thread(target=close)
    closer.start()

    with pytest.raises((ProviderUnavailable, RateLimited)):
        client.send(call_to(script), judge)
    closer.join()


def test_connections_are_kept_however_many_calls_run_at_once(script: Script):
    calls_at_once, rounds = 12, 2
    client = HttpClient("zoho", HttpOptions(), Unlimited(), threading.Event())
    script.meeting = threading.Barrier(calls_at_once)

    with closing(client), ThreadPoolExecutor(calls_at_once) as pool:
        for _ in range(rounds):
            list(pool.map(lambda _: client.send(call_to(script), judge), range(calls_at_once)))

    assert len(script.requests) == calls_at_once * rounds
    assert len({request.peer for request in script.requests}) == calls_at_once


def test_nobody_listens(client: HttpClient):
    call = Call("list", "list orders", "GET", "http://127.0.0.1:1/orders")

    with pytest.raises(ProviderUnavailable, match="connection failed"):
        client.send(call, judge)


def test_a_redirect_is_not_followed(client: HttpClient, script: Script):
    script.answers = [Answer(302, b"", {"Location": "https://elsewhere.example.com/"})]

    with pytest.raises(ProviderRejected):
        client.send(call_to(script), judge)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, CANARY.encode()),
        Answer(400, f'{{"message": "{CANARY}"}}'.encode()),
        Answer(401, CANARY.encode()),
        Answer(429, CANARY.encode(), {"Retry-After": "0"}),
        Answer(body=CANARY.encode()),
        Answer(body=CANARY.encode(), promised=900),
        Answer(hangs=True),
        Answer(302, b"", {"Location": f"http://127.0.0.1/{CANARY}"}),
    ],
    ids=["500", "400", "401", "429", "no JSON", "cut off", "time-out", "redirect"],
)
def test_no_error_holds_a_secret_a_query_or_a_body(
    client: HttpClient, script: Script, answer: Answer
):
    script.answers = [answer]
    call = Call(
        "list", "list orders", "POST", script.url + "/orders",
        params={"q": CANARY}, json={"token": CANARY},
    )  # fmt: skip

    with pytest.raises(Exception) as caught:
        client.send(call, judge, FixedToken("Bearer", CANARY))

    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    for error in _chain(caught.value):
        assert CANARY not in repr(error)
        assert not hasattr(error, "request")


def test_a_header_that_httpx_refuses_is_not_repeated(client: HttpClient, script: Script):
    with pytest.raises(ProviderUnavailable) as caught:
        client.send(call_to(script), judge, FixedToken("Bearer", f"{CANARY}\n"))

    assert all(CANARY not in repr(error) for error in _chain(caught.value))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
