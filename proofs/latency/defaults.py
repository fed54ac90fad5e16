"""The same assets and webhooks on an instance as Dagster ships it, to compare ours with.

An empty ``dagster.yaml`` (SQLite, queue looked at every five seconds, sensors one after another),
a sensor that looks once per tick and names no interval (30 seconds), the default executor (a
process per step) and a run that ends when the inbox is empty. The body of the run, the engine and
the gateway are ours in both.
"""

import dagster as dg

from assets.factory import all_assets
from assets.partitions import TENANTS
from resources.registry import default_resources
from sensors.tenant_partitions import tenant_partitions
from sensors.webhook_delivery import deliver
from sensors.webhook_inbox import due_requests


@dg.job(name="webhook_delivery", partitions_def=TENANTS)
def webhook_delivery() -> None:
    """Process the due webhooks of one (tenant, system)."""
    deliver()


@dg.sensor(
    name="webhook_inbox",
    job=webhook_delivery,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def webhook_inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Look at the inbox once."""
    found = due_requests(context.instance)
    for request in found.run_requests:
        request.run_config["ops"]["deliver"]["config"]["linger_seconds"] = 0.0
    if not found.run_requests:
        return dg.SkipReason(found.reason)
    return dg.SensorResult(run_requests=found.run_requests)


defs = dg.Definitions(
    assets=all_assets(),
    resources=default_resources(),
    jobs=[webhook_delivery],
    sensors=[tenant_partitions, webhook_inbox],
)
