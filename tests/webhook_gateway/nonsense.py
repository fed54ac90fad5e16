"""Requests that no sender should make: strategies for every route, whatever it is for."""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

_T = TypeVar("_T")

METHODS: Final = ("POST", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")

PARAMETERS: Final = (
    "googlemerchant", "facebookcommerce", "entitysync", "prepayment", "vercel", "saleor", "dpd",
    "wh_" + "a" * 26, "0", "-1", "00000000-0000-0000-0000-000000000000", "..", ".", "%00", "a/b",
)  # fmt: skip
"""Values for parameters of paths, beside those of endpoints that exist."""

HEADERS: Final = (
    "Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Encoding", "Content-Type",
    "Cookie", "ECI-Trace-Id", "Expect", "Forwarded", "Host", "If-Match", "If-Modified-Since",
    "If-None-Match", "Origin", "Range", "Saleor-Api-Url", "Saleor-Domain", "Saleor-Event",
    "Saleor-Signature", "Traceparent", "Upgrade", "Webhook-Id", "Webhook-Signature",
    "Webhook-Timestamp", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Hmac-Signature", "X-Saleor-Event", "X-Signature", "X-Timestamp", "X-Vercel-Signature",
    "X-Zoho-Webhook-Signature",
)  # fmt: skip

VALUES: Final = (
    "", " ", "0", "-1", "9" * 5000, "1e400", "null", "*", "*/*", '"', 'W/"x"', "bytes=0-",
    "application/json", "application/x-www-form-urlencoded", "application/x-ndjson", "text/plain",
    "application/json; charset=utf-16", "application/json; charset=none", "multipart/form-data",
    "multipart/form-data; boundary=x", "gzip", "GZIP", "br", "gzip, gzip", "deflate", "identity",
    "Bearer", "Bearer x", "Basic", "Basic eDp5", "Basic \xff", "close", "keep-alive", "upgrade",
    "websocket", "h2c", "fe80::1%eth0", "1.2.3.4:5", "for=unknown", "https, http", "a..b", "..",
    "eyJhbGciOiJSUzI1NiIsImI2NCI6ZmFsc2V9..AAAA", "e30..AAAA", "W10..AAAA", "bnVsbA..AAAA",
    "eyJhbGciOiJub25lIn0..AAAA", "v1,AAAA v1a,x", "t=1,v1=00", "hmac-sha256-hex=00", "1700000000",
    "Thu, 99 Foo 2026 00:00:00 GMT", "order_updated", "http://localhost:9/graphql/",
)  # fmt: skip

GRAPHQL: Final = (
    "{__typename}", "{__schema{types{name fields{name}}}}", "{", "}", "query", "", "#", "\ufeff{a}",
    "query Q($a: ID!) {order(id: $a) {id}}", "mutation {signup(email: 1) {token}}",
    "subscription {a}", "{a" * 500 + "}" * 500, "{" + "a " * 5000 + "}",
    "fragment A on Query {...A} {...A}",
    "{...A} fragment A on Query {...B} fragment B on Query {...A}",
    "{" + " ".join(f"a{n}: __typename" for n in range(2000)) + "}",
    "{order(number: 99999999999999999999999) {id}}", '{order(number: "\\u0000") {number}}',
    '{package(trackingId: "\\ud800") {state}}', "{orders(first: -1) {edges {node {id}}}}",
    "query A {__typename} query B {__typename}", "{__typename @skip(if: null)}",
    '{__typename @include(if: "x") @skip}', '{orders(first: 1, cursor: "AAAA") {edges {id}}}',
)  # fmt: skip

_LATIN: Final = st.text(
    st.characters(codec="latin-1", exclude_characters="\r\n\0", exclude_categories=["Cc"]),
    max_size=60,
)
_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
_NAMES: Final = st.sampled_from(
    ["a", "id", "order", "orders", "package", "packages", "events", "lines", "edges", "node"]
)
_ARGUMENTS: Final = st.sampled_from(
    ["", "(first: 1)", "(first: 9999999999)", '(id: "x")', "(id: {a: [1, null]})", "(a: $b)", "()"]
)


def _selection(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, arguments, fields: f"{name}{arguments}{{{' '.join(fields)}}}",
        _NAMES,
        _ARGUMENTS,
        st.lists(inner, max_size=3),
    )


DOCUMENTS: Final = st.one_of(
    st.sampled_from(GRAPHQL),
    st.recursive(_NAMES, _selection, max_leaves=12).map(lambda text: f"{{{text}}}"),
    st.text(max_size=40),
)
_QUESTIONS: Final = st.fixed_dictionaries(
    {"query": DOCUMENTS | _JSON},
    optional={"variables": _JSON, "operationName": _JSON, "extensions": _JSON},
)
_PLAIN: Final = st.one_of(
    st.binary(max_size=300),
    _JSON.map(lambda value: json.dumps(value).encode()),
    _QUESTIONS.map(lambda value: json.dumps(value).encode()),
    st.lists(_QUESTIONS, max_size=3).map(lambda value: json.dumps(value).encode()),
    st.lists(_JSON, max_size=4).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()),
    st.dictionaries(st.text(max_size=10), st.text(max_size=20)).map(
        lambda fields: urlencode(fields).encode()
    ),
    st.sampled_from(
        [b"<?xml version='1.0'?><a/>", b"--x\r\n\r\n", b"\xef\xbb\xbf{}", b"\xff\xfe{"]
    ),
)
BODIES: Final = (
    _PLAIN | _PLAIN.map(gzip.compress) | _PLAIN.map(lambda body: gzip.compress(body)[:-4])
)

QUERIES: Final = st.one_of(
    st.just(""),
    DOCUMENTS.map(lambda text: urlencode({"query": text})),
    st.lists(st.tuples(st.text(max_size=10), st.text(max_size=20)), max_size=4).map(urlencode),
    st.sampled_from(
        ["a", "&&==", "%", "%zz", "%00", "a=%ff%fe", "a=1&a=2", "pushid=%00&pnr=%ff", "x" * 9000,
         "bt_challenge=x", "challenge=%3Cscript%3E", "token=x", "install=x", "first=-1"]
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A request with a target that is in order for HTTP, and nothing else that need be.

    Attributes:
        method: HTTP method.
        parameters: what replaces parameters of the path that no endpoint fills.
        is_known: whether an endpoint's own parameters are used.
        query: query string.
        headers: further headers.
        body: what is sent, None = nothing.
        is_chunked: how it is sent.
    """

    method: str
    parameters: str
    is_known: bool
    query: str
    headers: dict[str, Any]
    body: bytes | None
    is_chunked: bool

    def framing(self) -> tuple[dict[str, Any], bytes]:
        """Return the headers that tell the body's length, and the body as it is sent."""
        if self.body is None:
            return {}, b""
        if not self.is_chunked:
            return {"Content-Length": len(self.body)}, self.body
        chunk = b"%x\r\n%b\r\n" % (len(self.body), self.body) if self.body else b""
        return {"Transfer-Encoding": "chunked"}, chunk + b"0\r\n\r\n"


REQUESTS: Final = st.builds(
    Nonsense,
    method=st.sampled_from(("POST", "GET", *METHODS)),
    parameters=st.sampled_from(PARAMETERS) | st.text(max_size=40).map(lambda text: quote(text, "")),
    is_known=st.integers(0, 3).map(bool),
    query=QUERIES,
    headers=st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(VALUES) | _LATIN, max_size=5),
    body=st.none() | BODIES,
    is_chunked=st.booleans(),
)

_XML: Final = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(str.encode),
    st.sampled_from(
        [b"<?xml version='1.0' encoding='none'?><a/>", b"<?xml version='1.0' encoding='hex'?><a/>",
         b"<?xml version='1.0' encoding='utf-16'?><a/>", b"<a>" * 40 + b"</a>" * 40,
         b"<?xml version='1.0' encoding='shift-jis'?><a/>", b"<a>&b;</a>", b"<a>&#0;</a>",
         b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"]
    ),
    st.builds(
        lambda *texts: (
            "<notification><kind>{}</kind><timestamp>{}</timestamp><subject><{}><id>{}</id>"
            "</{}></subject></notification>".format(*texts[:3], *texts[2:], texts[2]).encode()
        ),
        *(st.text(max_size=20) for _ in range(2)),
        st.sampled_from(["dispute", "transaction", "a:b", "1"]),
        st.text(max_size=20),
    ),
)  # fmt: skip
NOTIFICATIONS: Final = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["a" * 20, "=", "AAA", "\0"]),
    _XML.map(lambda document: base64.b64encode(document).decode()),
)
"""What may stand in ``bt_payload`` of Braintree, signed."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a shop sends when it installs an app, and how it answers to what it is asked then.

    Attributes:
        body: of the request.
        headers: beside those of its length.
        app: status and answer to the question whose the token is.
        keys: status and answer where its keys should be.
    """

    body: bytes
    headers: dict[str, str]
    app: tuple[int, bytes]
    keys: tuple[int, bytes]


def registrations(api_url: str) -> st.SearchStrategy[Registration]:
    """Return registrations of the shop at an address; some get as far as to be stored."""
    token = "a1" * 15
    right = {"Saleor-Domain": "shop.example", "Saleor-Api-Url": api_url}
    changes = st.dictionaries(st.sampled_from([*right, "Content-Type"]), _LATIN)
    return st.builds(
        Registration,
        body=_mostly(
            st.just(json.dumps({"auth_token": token}).encode()),
            _JSON.map(lambda value: json.dumps({"auth_token": value}).encode()) | BODIES,
        ),
        headers=_mostly(st.just(right), changes.map(lambda changed: right | changed)),
        app=_answers(
            _JSON.map(lambda value: {"data": value}),
            _JSON.map(lambda value: {"data": {"app": value}}),
            st.text().map(lambda value: {"data": {"app": {"id": value}}}),
            st.just({"data": {"app": {"id": "QXBwOjE="}}}),
        ),
        keys=_answers(
            _JSON.map(lambda value: {"keys": value}),
            st.lists(_KEY).map(lambda keys: {"keys": keys}),
        ),
    )


_KEY: Final = st.fixed_dictionaries(
    {
        "kty": st.just("RSA"),
        "kid": st.text(max_size=8),
        "n": st.sampled_from(["AQAB", "_" * 342, "", "="]) | _JSON,
        "e": st.sampled_from(["AQAB", "AA"]) | _JSON,
    },
    optional={"use": _JSON, "alg": _JSON, "d": _JSON, "key_ops": _JSON},
)


def _answers(*documents: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[int, bytes]]:
    """Return status and body of answers: mostly such documents, seldom anything else."""
    right = st.one_of(*documents).map(lambda value: json.dumps(value).encode())
    return _mostly(
        st.tuples(st.just(200), right), st.tuples(st.sampled_from([200, 204, 302, 500]), _PLAIN)
    )


def _mostly(right: st.SearchStrategy[_T], wrong: st.SearchStrategy[_T]) -> st.SearchStrategy[_T]:
    return st.integers(0, 5).flatmap(lambda number: right if number else wrong)


_PIECES: Final = (
    b"GET / HTTP/1.1\r\n", b"POST /%ff HTTP/1.1\r\n", b"GET \xff HTTP/1.1\r\n", b"\r\n\r\n",
    b"Host: x\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: 1\r\nContent-Length: 2\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n", b"GET * HTTP/1.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://x:99999999/ HTTP/1.1\r\n", b"X: \0\r\n", b": x\r\n", b"X : y\r\n", b" x\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n",
)  # fmt: skip

HEADS: Final = st.lists(
    st.binary(max_size=40) | st.sampled_from(_PIECES), min_size=1, max_size=6
).map(b"".join)
"""Bytes that may be no HTTP at all."""
