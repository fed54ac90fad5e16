"""The sides of the pull benchmark, one process each: ours, dlt and a plain COPY.

``python -m benchmarks.pull_sides SIDE`` reads a JSON plan from stdin, does the work once and prints
what it took as JSON. Imports, connections to the source and the making of tables by others are not
part of the times; everything from the first request to the last commit is.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from benchmarks import source
from schemabase_dagster import database, tenancy

Plan: TypeAlias = Mapping[str, Any]

FAST_DLT: Final = {
    # What dlt's page "Optimizing dlt" names: larger buffers, files small enough that all normalize
    # workers have one, as many workers as cores; and COPY by the csv loader format.
    "DATA_WRITER__BUFFER_MAX_ITEMS": "10000",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "5000",
    "NORMALIZE__WORKERS": str(os.cpu_count() or 1),
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "100000",
}
PLAIN_TABLE: Final = """
CREATE TABLE public.plain (
    app_id uuid, external_id text, payload jsonb, PRIMARY KEY (app_id, external_id))
"""
AS_RAW: Final = "ALTER TABLE public.plain ALTER COLUMN payload SET STORAGE EXTERNAL"


def ours(plan: Plan) -> dict[str, Any]:
    """Pull all orders into raw, and in the first pull merge them into core."""
    # Imported here: what ours loads must not count in the memory and start of the other sides.
    from assets import registry  # noqa: PLC0415
    from resources.registry import default_resources  # noqa: PLC0415
    from schemabase_dagster.engine.merge import merge_entity  # noqa: PLC0415
    from schemabase_dagster.engine.pull import PullOptions, sync_stream  # noqa: PLC0415

    # The list rows of this source are whole records, so that nothing has to be fetched by id.
    stream = replace(registry.stream("zoho_sales_orders"), detail=False)
    streams = {**registry.streams(), stream.name: stream}
    zoho = default_resources()["zoho"]
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, plan["tenant"])
        app = tenancy.get_app(conn, tenant, "books")
    started = time.perf_counter()
    with zoho.open(app) as client:
        pulled = sync_stream(client, stream, app, PullOptions(full=True))
    landed = time.perf_counter()
    merged = merge_entity(registry.entities()["order"], tenant, streams)
    ended = time.perf_counter()
    return {
        "landing": landed - started,
        "seconds": ended - started,
        "read": pulled.read,
        "landed": pulled.changed,
        "merged": merged.changed,
    }


def dlt(plan: Plan) -> dict[str, Any]:
    """Load all orders by dlt's merge into its nested tables; ``fast`` by its fastest settings."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    disposition: Any = "merge"
    options: dict[str, Any] = {}
    if plan["fast"]:
        os.environ |= FAST_DLT
        disposition = {"disposition": "merge", "strategy": "upsert"}
        options["loader_file_format"] = "csv"
    import dlt as library  # noqa: PLC0415 - reads its settings when it is imported

    def salesorders() -> Iterator[list[dict[str, Any]]]:
        return source.iter_pages(plan["merchant"])

    pipeline = library.pipeline(
        "bench",
        pipelines_dir=plan["folder"],
        destination=library.destinations.postgres(database.conninfo()),
        dataset_name="by_dlt",
    )
    orders = library.resource(
        salesorders,
        name="salesorders",
        primary_key="salesorder_id",
        write_disposition=disposition,
    )
    started = time.perf_counter()
    pipeline.run(orders, **options)
    seconds = time.perf_counter() - started
    with database.connect() as conn:
        read = conn.execute("SELECT count(*) FROM by_dlt.salesorders").fetchone()
    return {"seconds": seconds, "read": read and read[0]}


def copy(plan: Plan) -> dict[str, Any]:
    """Copy the same records, held in memory, into a table with raw's key, and storage if fast."""
    app = b"00000000-0000-7000-8000-000000000000"
    lines = b"".join(
        b"\t".join((app, record["salesorder_id"].encode(), source.copy_text(record))) + b"\n"
        for page in source.iter_pages(plan["merchant"])
        for record in page
    )
    with database.connect() as conn:
        conn.execute(PLAIN_TABLE)
        if plan["fast"]:
            conn.execute(AS_RAW)
        conn.commit()
        started = time.perf_counter()
        with conn.cursor() as cursor, cursor.copy("COPY public.plain FROM STDIN") as target:
            target.write(lines)
        conn.commit()
        seconds = time.perf_counter() - started
        read = conn.execute("SELECT count(*) FROM public.plain").fetchone()
    return {"seconds": seconds, "read": read and read[0]}


SIDES: Final[Mapping[str, Callable[[Plan], dict[str, Any]]]] = {
    "ours": ours,
    "dlt": dlt,
    "copy": copy,
}


def main(side: str) -> None:
    """Run one side and print its result."""
    result = SIDES[side](json.load(sys.stdin))
    result["owncpu"] = time.process_time()
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
