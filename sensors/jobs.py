"""The asset job of pulls: sensors and schedules choose from it what a run brings up to date."""

from typing import Final

import dagster as dg

TENANT_SYNC: Final = "tenant_sync"

tenant_sync = dg.define_asset_job(
    name=TENANT_SYNC,
    selection="*",
    executor_def=dg.in_process_executor,
    description="Brings a tenant's streams of one system and all below them up to date. Started by "
    "the sensor due_syncs and the schedule nightly_sync.",
)
