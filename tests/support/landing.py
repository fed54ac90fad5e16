"""Landing records without a source: what a test puts into raw as if a pull had read it."""

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import land
from schemabase_dagster.streams import JsonObject
from schemabase_dagster.tenancy import App


def put(app: App, stream: str, *records: JsonObject) -> None:
    """Land records of one stream of one app, with the parts that lie inside them."""
    described = registry.streams()[stream]
    items = [prepare(described, record, utc_now()) for record in records]
    with database.transaction() as conn:
        land(conn, described, app, items, via="pull", run_id=None)
