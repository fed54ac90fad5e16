"""Without these, an address list is passed by whoever writes a header."""

from typing import Any

import httpx
import pytest
from psycopg import Connection

from tests.support.rows import count
from tests.webhook_gateway.conftest import HMAC, MakeEndpoint
from tests.webhook_gateway.test_intake import post


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        pytest.param("203.0.113.7", 200, id="from there"),
        pytest.param("198.51.100.9, 203.0.113.7", 200, id="what the client says of others"),
        pytest.param("203.0.113.7, 198.51.100.9", 401, id="what the client says of itself"),
        pytest.param("198.51.100.9", 401, id="from elsewhere"),
        pytest.param(None, 401, id="from the proxy itself"),
    ],
)
def test_the_address_is_that_which_the_trusted_proxy_saw(
    conn: Connection[Any],
    gateway: httpx.Client,
    make_endpoint: MakeEndpoint,
    forwarded: str | None,
    status: int,
):
    endpoint = make_endpoint(**HMAC, ip_allow="203.0.113.0/24")
    headers: dict[str, Any] = {"x_forwarded_for": forwarded} if forwarded else {}

    answer = post(gateway, endpoint, **headers)

    assert answer.status_code == status
    assert count(conn, "platform.webhook_inbox") == (status == 200)
