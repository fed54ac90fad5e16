"""The tenant partitions: every raw, core and analytics asset has one partition per tenant."""

from typing import Final

import dagster as dg

from schemabase_dagster import tags

TENANTS: Final = dg.DynamicPartitionsDefinition(name=tags.TENANT_PARTITIONS)
"""Keys are tenant slugs; the sensor ``tenant_partitions`` keeps them equal to the table."""
