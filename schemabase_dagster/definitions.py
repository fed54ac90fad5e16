"""Everything that Dagster shows and runs; assembles only, opens nothing."""

import dagster as dg

from assets.factory import all_assets
from resources.registry import default_resources
from schemabase_dagster.operator_jobs import OPERATOR_JOBS
from sensors.alerts import run_failure_alert
from sensors.due_syncs import due_syncs
from sensors.inbox_upkeep import inbox_upkeep, inbox_upkeep_schedule
from sensors.jobs import tenant_sync
from sensors.lateness import lateness_schedule, lateness_watch
from sensors.nightly import nightly_sync
from sensors.published import published_after_webhooks
from sensors.tenant_partitions import tenant_partitions
from sensors.webhook_delivery import webhook_delivery
from sensors.webhook_inbox import webhook_inbox
from sensors.webhook_watch import webhook_watch

defs = dg.Definitions(
    assets=all_assets(),
    resources=default_resources(),
    jobs=[tenant_sync, webhook_delivery, lateness_watch, inbox_upkeep, *OPERATOR_JOBS],
    schedules=[nightly_sync, lateness_schedule, inbox_upkeep_schedule],
    sensors=[
        tenant_partitions,
        due_syncs,
        webhook_inbox,
        webhook_watch,
        published_after_webhooks,
        run_failure_alert,
    ],
    # Steps are short SQL and HTTP waits: a process for each would cost a second (measured).
    executor=dg.in_process_executor,
)
