"""Keep on a payment which systems know it, which its report looked up in all references.

Revision ID: 20261126_21_payment_systems
"""

from alembic import op

revision = "20261126_21_payment_systems"
down_revision = "20261126_20_effects_merged"

_COLUMN = "ALTER TABLE core.payments ADD COLUMN systems TEXT[] DEFAULT '{}' NOT NULL"

_COMMENT = """
COMMENT ON COLUMN core.payments.systems IS 'Systems that know it, in alphabetical order'
"""

_FILL = """
UPDATE core.payments AS p
SET systems = r.systems
FROM (
    SELECT x.core_id, array_agg(DISTINCT a.type COLLATE "C" ORDER BY a.type COLLATE "C") AS systems
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id
    WHERE x.entity = 'payment' AND x.deleted_at IS NULL
    GROUP BY x.core_id
) AS r
WHERE r.core_id = p.id
"""


def upgrade() -> None:
    """Add the column and fill it from what is stored."""
    op.execute(_COLUMN)
    op.execute(_COMMENT)
    op.execute(_FILL)
