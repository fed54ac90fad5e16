"""Foresight: what the queue holds next is read and mapped while a batch is written."""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from schemabase_dagster import database
from schemabase_dagster.engine import todo
from schemabase_dagster.engine.behind import Behind
from schemabase_dagster.engine.facts import load_apps
from schemabase_dagster.engine.todo import Foreseen, RawKey, Todo
from schemabase_dagster.streams import Stream
from schemabase_dagster.systems import System
from schemabase_dagster.turns import Turns


class Foresight:
    """Maps what comes after a batch, in a thread and by a connection of its own.

    It takes no lock, so what it saw may be over when its turn comes: ``todo.read`` compares the
    version of every record, under the lock, and maps those again that changed.

    Args:
        behind: the thread.
        turns: when the thread may compute.
        tenant_id: whose queue.
        streams: the streams that are merged, by name.
        systems: all systems by name.
    """

    def __init__(
        self,
        behind: Behind,
        turns: Turns,
        tenant_id: UUID,
        streams: Mapping[str, Stream],
        systems: Mapping[str, System],
    ) -> None:
        self._behind = behind
        self._turns = turns
        self._tenant_id = tenant_id
        self._streams = streams
        self._systems = systems
        self._found: Mapping[RawKey, Foreseen] = {}

    def take(self) -> Mapping[RawKey, Foreseen]:
        """Return what was mapped since the last call, by record."""
        with self._turns.free():
            self._behind.wait()
        found, self._found = self._found, {}
        return found

    def look_beyond(self, claimed: Sequence[Todo]) -> None:
        """Begin to map as many records as these, of those that are queued after them."""
        self._behind.do(partial(self._look, claimed[-1].id, len(claimed)))

    def _look(self, after: int, limit: int) -> None:
        with database.transaction() as conn:
            coming = todo.peek(conn, self._tenant_id, list(self._streams), after, limit)
            apps = load_apps(conn, self._tenant_id, self._systems)
            configs = {app_id: app.config for app_id, app in apps.items()}
            self._found = todo.foresee(
                conn, coming, self._streams, configs, before_each=self._turns.wait
            )
