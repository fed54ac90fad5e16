"""Without these, some GraphQL document is our fault: a 500, or an error that tells nothing."""

import json
from typing import Any, Final

import httpx
from graphql import GraphQLField, GraphQLObjectType, get_named_type
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection

from schemabase_dagster import api_tokens
from schemabase_dagster.tenancy import Tenant
from tests.webhook_gateway.conftest import Start
from webhook_gateway.api.schema import SCHEMA

QUERY: Final = SCHEMA._schema.query_type
LITERALS: Final = (
    "null", "true", "0", "1", "-1", "100", "101", "99999999999999999999", "1.5", "1e400", '""',
    '"x"', '"\\u0000"', '"\\ud800"', '"\\""', '"""x"""', '"MDAw"', '"MTcwMDAwMDAwMC8x"', "NEWEST",
    "OLDEST", "[]", "[1, null]", "{a: 1}", "$v", '"00000000-0000-0000-0000-000000000000"',
)  # fmt: skip
DEPTH: Final = 4


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Documents of fields that exist, with arguments that may be wrong."""
    assert QUERY is not None
    head = draw(st.sampled_from(("", "query ", "query Q ", "query Q($v: Int) ", "query ($v: X!) ")))
    return f"{head}{{{_selection(draw, QUERY, DEPTH)}}}"


def _selection(draw: st.DrawFn, kind: GraphQLObjectType, depth: int) -> str:
    names = draw(st.lists(st.sampled_from(sorted(kind.fields)), min_size=1, max_size=3))
    shown = [_field(draw, name, kind.fields[name], depth) for name in names]
    return " ".join([*shown, *draw(st.sampled_from(([], ["__typename"], ["... {__typename}"])))])


def _field(draw: st.DrawFn, name: str, field: GraphQLField, depth: int) -> str:
    given = [
        f"{argument}: {draw(st.sampled_from(LITERALS))}"
        for argument in field.args
        if draw(st.integers(0, 3))
    ]
    text = (
        draw(st.sampled_from(("", "", "a: "))) + name + (f"({', '.join(given)})" if given else "")
    )
    inner = get_named_type(field.type)
    if not isinstance(inner, GraphQLObjectType):
        return text
    return f"{text}{{{_selection(draw, inner, depth - 1) if depth else '__typename'}}}"


def test_no_document_is_our_fault(start: Start, conn: Connection[Any], tenant: Tenant):
    token = api_tokens.create(conn, "test", [tenant], sorted(api_tokens.SCOPES)).token
    client: httpx.Client = start()

    @settings(max_examples=200, deadline=None)
    @given(query=documents(), variables=st.sampled_from((None, {}, {"v": 1}, {"v": "x"})))
    def ask(query: str, variables: dict[str, Any] | None) -> None:
        body = {"query": query, "variables": variables}
        answer = client.post(
            "/graphql", content=json.dumps(body), headers={"Authorization": f"Bearer {token}"}
        )

        assert answer.status_code in {200, 400}, query
        assert "INTERNAL" not in answer.text, query

    ask()
