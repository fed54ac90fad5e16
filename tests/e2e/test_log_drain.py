"""From a due log batch to documents and an asset: what the sensor asks for, run as it would be."""

from typing import Any

import dagster as dg
import orjson
from psycopg import Connection

from sandbox.runner import Sandbox
from sandbox.vercel.records import log_records
from schemabase_dagster import inbox, tags, webhooks
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import Tenant
from sensors import webhook_inbox
from tests.support import shops
from tests.support.deliveries import delivery
from tests.support.shops import MERCHANT

LOGS = dg.AssetKey(["logs", "vercel"])


def test_the_sensor_s_run_delivers_and_tells(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox
):
    site = shops.add_vercel(conn, tenant, sandbox)
    shops.add_elasticsearch(conn, tenant, sandbox)
    made = webhooks.create_endpoint(conn, site, {"scheme": "path_only", "reason": "test"})
    records = [*log_records(9), {"id": "r", "source": "edge"}]
    inbox.insert_batch(conn, [delivery(made.endpoint_id, orjson.dumps(records), headers="{}")])

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, [MERCHANT])
        (request,) = webhook_inbox.due_requests(instance).run_requests
        request.run_config["ops"]["deliver"]["config"]["linger_seconds"] = 0.0
        result = defs.resolve_job_def("webhook_delivery").execute_in_process(
            run_config=request.run_config,
            partition_key=request.partition_key,
            tags=dict(request.tags),
            instance=instance,
        )
        (seen,) = instance.fetch_materializations(LOGS, limit=5).records

    assert result.success
    assert len(sandbox.control.documents(MERCHANT)) == 9
    assert seen.asset_materialization is not None
    counts = {key: each.value for key, each in seen.asset_materialization.metadata.items()}
    assert (counts["read"], counts["changed"], counts["rejected"]) == (10, 9, 1)
    verdicts = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert verdicts == {"dead_documents": True, "rejected_records": False, "dead_letters": True}
