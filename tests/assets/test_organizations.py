"""zoho_organizations: a stream that is nothing but its description."""

from psycopg import Connection

from assets import registry
from resources.registry import default_resources
from schemabase_dagster.engine.pull import PullOptions, sync_stream


def test_described_stream_is_pulled_by_one_call_and_then_unchanged(conn: Connection, zoho_app):
    stream = registry.streams()["zoho_organizations"]

    with default_resources()["zoho"].open(zoho_app) as client:
        first = sync_stream(client, stream, zoho_app, PullOptions())
        second = sync_stream(client, stream, zoho_app, PullOptions())

    assert first.changed == first.read > 0
    assert second.unchanged == first.read
    assert second.api_calls == 1
    landed = conn.execute("SELECT count(*) FROM raw.zoho_organizations").fetchone()
    assert landed == (first.read,)
