"""Differences that a person accepts: known and right, or not worth the work."""

from typing import Final

from schemabase_dagster import database
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import Tenant

# With the amounts as they are: a difference that changes is to be looked at again.
_ACCEPT: Final = """
INSERT INTO platform.accepted_difference (tenant_id, kind, record, expected, actual, note)
SELECT DISTINCT %(tenant_id)s::uuid, d.kind, d.record, d.expected, d.actual, %(note)s
FROM analytics.reconciliation_defect AS d
WHERE d.tenant = %(tenant)s AND d.kind = %(kind)s AND d.record = %(record)s
ON CONFLICT (tenant_id, kind, record, expected, actual)
DO UPDATE SET note = excluded.note, accepted_at = now()
"""

_WITHDRAW: Final = """
DELETE FROM platform.accepted_difference
WHERE tenant_id = %(tenant_id)s AND kind = %(kind)s AND record = %(record)s
"""


def accept_difference(
    tenant: Tenant, kind: str, record: str, *, note: str = "", is_accepted: bool = True
) -> None:
    """Accept a disagreement as it is now, or take that back; every rebuild keeps it.

    Args:
        tenant: the tenant.
        kind: its kind, as ``analytics.reconciliation_defect`` names it.
        record: its record there.
        note: why.
        is_accepted: False = it is to be shown by the check again.

    Raises:
        ConfigurationError: there is no such disagreement, or none that was accepted.
    """
    values = {"tenant_id": tenant.id, "tenant": tenant.slug, "kind": kind, "record": record,
              "note": note or None}  # fmt: skip
    with database.transaction() as conn:
        if conn.execute(_ACCEPT if is_accepted else _WITHDRAW, values).rowcount == 0:
            raise ConfigurationError(
                f"Tenant '{tenant.slug}' has no {'' if is_accepted else 'accepted '}disagreement "
                f"'{kind}' about '{record}'.",
                "The columns kind and record of analytics.reconciliation_defect name them.",
            )
