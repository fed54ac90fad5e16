"""The webhook inbox: insert, claim, settle, hold, replay; shared by gateway, sensor and engine.

Exactly one consumer reads it: the landing of raw records (architecture 11.10). A delivery goes
``received -> claimed -> processed | ignored | failed | dead``; ``failed`` is due again after its
back-off, and a claim whose lease ran out is due at once.
"""

from schemabase_dagster.inbox.activity import (
    Listening,
    count_paused,
    forget_activity,
    list_listening,
    note_activity,
)
from schemabase_dagster.inbox.attempts import (
    AttemptTotal,
    Failing,
    attempt_totals,
    find_failing,
    fold_attempts,
)
from schemabase_dagster.inbox.claims import Outcome, claim, give_back, settle
from schemabase_dagster.inbox.due import due_groups, release_held
from schemabase_dagster.inbox.effects import Effect, list_effects
from schemabase_dagster.inbox.exports import iter_exported
from schemabase_dagster.inbox.lookups import list_rows, show
from schemabase_dagster.inbox.records import (
    Delivery,
    DueGroup,
    InboxRow,
    Selection,
    Stored,
    Summary,
    payload,
)
from schemabase_dagster.inbox.replays import (
    PER_SECOND,
    Preview,
    Replay,
    preview,
    replay,
    run_replay,
    start_replay,
)
from schemabase_dagster.inbox.shapes import note_shapes
from schemabase_dagster.inbox.store import insert_batch, insert_batch_async, insert_ignored
from schemabase_dagster.inbox.upkeep import Backlog, backlog, count_unplaced, prepare_days, purge

__all__ = [
    "PER_SECOND",
    "AttemptTotal",
    "Backlog",
    "Delivery",
    "DueGroup",
    "Effect",
    "Failing",
    "InboxRow",
    "Listening",
    "Outcome",
    "Preview",
    "Replay",
    "Selection",
    "Stored",
    "Summary",
    "attempt_totals",
    "backlog",
    "claim",
    "count_paused",
    "count_unplaced",
    "due_groups",
    "find_failing",
    "fold_attempts",
    "forget_activity",
    "give_back",
    "insert_batch",
    "insert_batch_async",
    "insert_ignored",
    "iter_exported",
    "list_effects",
    "list_listening",
    "list_rows",
    "note_activity",
    "note_shapes",
    "payload",
    "prepare_days",
    "preview",
    "purge",
    "release_held",
    "replay",
    "run_replay",
    "settle",
    "show",
    "start_replay",
]
