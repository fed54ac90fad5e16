"""The webhook inbox: insert, claim, settle, hold, replay; shared by gateway, sensor and engine.

Exactly one consumer reads it: the landing of raw records (architecture 11.10). A delivery goes
``received -> claimed -> processed | ignored | failed | dead``; ``failed`` is due again after its
back-off, and a claim whose lease ran out is due at once.
"""

from schemabase_dagster.inbox.claims import Outcome, claim, give_back, settle
from schemabase_dagster.inbox.due import due_groups, release_held
from schemabase_dagster.inbox.effects import Effect, list_effects
from schemabase_dagster.inbox.records import (
    Delivery,
    DueGroup,
    InboxRow,
    Selection,
    Stored,
    Summary,
    payload,
)
from schemabase_dagster.inbox.replays import count_selected, list_rows, replay, revive_dead, show
from schemabase_dagster.inbox.shapes import note_shapes
from schemabase_dagster.inbox.store import insert_batch, insert_batch_async, insert_ignored
from schemabase_dagster.inbox.upkeep import Backlog, backlog, count_unplaced, prepare_days, purge

__all__ = [
    "Backlog",
    "Delivery",
    "DueGroup",
    "Effect",
    "InboxRow",
    "Outcome",
    "Selection",
    "Stored",
    "Summary",
    "backlog",
    "claim",
    "count_selected",
    "count_unplaced",
    "due_groups",
    "give_back",
    "insert_batch",
    "insert_batch_async",
    "insert_ignored",
    "list_effects",
    "list_rows",
    "note_shapes",
    "payload",
    "prepare_days",
    "purge",
    "release_held",
    "replay",
    "revive_dead",
    "settle",
    "show",
]
