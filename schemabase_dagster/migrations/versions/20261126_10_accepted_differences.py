"""Disagreements that a person accepted.

Revision ID: 20261126_10_accepted_differences
"""

from alembic import op

revision = "20261126_10_accepted_differences"
down_revision = "20261126_09_match_pairs"

_TABLE = """
CREATE TABLE platform.accepted_difference (
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    expected NUMERIC NOT NULL,
    actual NUMERIC NOT NULL,
    note TEXT,
    accepted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT accepted_difference_pkey PRIMARY KEY (tenant_id, kind, record, expected, actual),
    CONSTRAINT accepted_difference_tenant_id_fkey FOREIGN KEY (tenant_id)
        REFERENCES platform.tenant (id) ON DELETE CASCADE
)
"""

_COMMENTS = {
    "TABLE platform.accepted_difference": (
        "Disagreements of analytics.reconciliation_defect that a person accepted"
    ),
    "COLUMN platform.accepted_difference.tenant_id": "Tenant the row belongs to",
    "COLUMN platform.accepted_difference.kind": "Kind of the disagreement",
    "COLUMN platform.accepted_difference.record": "What it is about",
    "COLUMN platform.accepted_difference.expected": "One side, as it was accepted",
    "COLUMN platform.accepted_difference.actual": "The other side, as it was accepted",
    "COLUMN platform.accepted_difference.note": "Why",
    "COLUMN platform.accepted_difference.accepted_at": "When",
}


def upgrade() -> None:
    """Make the table."""
    op.execute(_TABLE)
    for place, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {place} IS '{comment}'")
