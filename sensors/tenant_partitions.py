"""The sensor that keeps Dagster's partition keys equal to the table of tenants."""

from typing import Final

import dagster as dg

from assets.partitions import TENANTS
from schemabase_dagster import database, tags

INTERVAL_SECONDS: Final = 3
"""Below the five seconds of the daemon's loop, hence every pass of it."""

# Archived tenants keep their key: assets answer that they are archived, and nothing is lost.
_SLUGS: Final = "SELECT slug FROM platform.tenant ORDER BY slug"


@dg.sensor(
    name="tenant_partitions",
    target=None,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for every tenant and removes keys that are no tenant.",
)
def tenant_partitions(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Add missing partition keys, remove those that somebody typed into the UI."""
    with database.transaction() as conn:
        slugs = [row[0] for row in conn.execute(_SLUGS)]
    present = set(context.instance.get_dynamic_partitions(tags.TENANT_PARTITIONS))
    missing = [slug for slug in slugs if slug not in present]
    unknown = sorted(present - set(slugs))
    if not missing and not unknown:
        return dg.SkipReason("partitions and tenants are equal")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if missing:
        requests.append(TENANTS.build_add_request(missing))
    if unknown:
        requests.append(TENANTS.build_delete_request(unknown))
    return dg.SensorResult(dynamic_partitions_requests=requests)
