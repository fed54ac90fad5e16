"""Names of run tags, asset tags and tenant partitions, so that each is written once."""

from typing import Final

TENANT_PARTITIONS: Final = "tenant"
"""Name of the dynamic partitions definition; its keys are tenant slugs."""

TENANT: Final = "schemabase/tenant"
SYSTEM: Final = "schemabase/system"
TRIGGER: Final = "schemabase/trigger"
LANE: Final = "schemabase/lane"
APP: Final = "schemabase/app"

PULL: Final = "schemabase/pull"
"""``<tenant>/<system>``: at most one pull of it runs at a time (dagster.yaml)."""

FILL: Final = "schemabase/fill"
"""Set on a first pull and on one that goes on with a back-fill: it may take long, and others go
first (dagster.yaml, assets/priority.py)."""

NIGHTLY: Final = "schemabase/nightly"
"""Local date of the nightly sync, by which it is asked for once."""

CONFIRM_DELETES: Final = "schemabase/confirm_deletes"
"""A person has looked at a wave of vanished records."""

TRIGGER_WEBHOOK: Final = "webhook"
TRIGGER_SCHEDULE: Final = "schedule"
TRIGGER_FULL: Final = "full"

LANE_PULL: Final = "pull"
LANE_WEBHOOK: Final = "webhook"
