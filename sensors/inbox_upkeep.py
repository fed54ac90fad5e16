"""The schedule that keeps the webhook inbox in shape: partitions ahead, old deliveries gone."""

import dagster as dg

from assets import failures
from schemabase_dagster import database, inbox


@dg.op(
    name="keep_inbox",
    description="Makes the inbox's partitions of the days to come and drops what is older than its "
    "retention.",
    out=dg.Out(dg.Nothing),
    retry_policy=failures.RETRY_POLICY,
)
def keep_inbox(context: dg.OpExecutionContext) -> None:
    """Prepare days, purge, sum up."""
    with failures.translated(), database.connect(autocommit=True) as conn:
        made = inbox.prepare_days(conn)
        gone = inbox.purge(conn)
        inbox.fold_attempts(conn)
        inbox.forget_activity(conn)
    context.log.info("%d days made, %d rows and whole days dropped", len(made), gone)


@dg.job(
    name="inbox_upkeep",
    description="Partitions of the webhook inbox and its retention.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "3600"},
)
def inbox_upkeep() -> None:
    """Keep the inbox in shape."""
    keep_inbox()


inbox_upkeep_schedule = dg.ScheduleDefinition(
    name="inbox_upkeep_schedule",
    job=inbox_upkeep,
    cron_schedule="17 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Keeps the webhook inbox in shape, once an hour.",
)
