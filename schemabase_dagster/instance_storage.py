"""Storage of the Dagster instance in Postgres with fewer round trips (see ``dagster.yaml``).

dagster-postgres connects anew for every event that it writes, asks before most of them whether a
table exists, and writes what a run plans one by one. A run of fifty steps writes about 700 events.
"""

import select
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import sqlalchemy
from dagster import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._serdes import ConfigurableClassData, serialize_value
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage, PostgresRunStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config
from sqlalchemy.exc import DisconnectionError

IDLE_SECONDS: Final = 600

_ASSET: Final = DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_CHECK: Final = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


class KeptEventLog(PostgresEventLogStorage):
    """Event log that keeps a connection and what it knows of the tables for the next event."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._tables: set[str] = set()
        super().__init__(*args, **options)
        self._engine = _keeping_engine(self.postgres_url)

    def has_table(self, table_name: str) -> bool:
        """Tell whether a table exists; none vanishes, so that is asked until it does."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store several events at once; what a run plans in one transaction.

        Dagster asks for that where ``DAGSTER_EVENT_BATCH_SIZE`` is set.
        """
        if {event.dagster_event_type for event in events} <= {_ASSET, _CHECK}:
            self._store_planned(events)
        else:
            super().store_event_batch(events)

    def _store_planned(self, events: Sequence[EventLogEntry]) -> None:
        statement = self.prepare_insert_event_batch(events)
        with self.index_transaction() as conn:
            ids = conn.execute(statement.returning(SqlEventLogStorageTable.c.id)).scalars().all()
            checks = []
            for event, event_id in zip(events, ids, strict=True):
                if event.dagster_event_type is _ASSET:
                    self._store_asset_event(conn, event, event_id)
                else:
                    checks += self._planned_checks(event, event_id)
            if checks:
                conn.execute(AssetCheckExecutionsTable.insert().values(checks))

    def _planned_checks(self, event: EventLogEntry, event_id: int) -> list[dict[str, Any]]:
        planned = event.get_dagster_event().asset_check_planned_data
        partitions = planned.partitions_subset
        return [
            {
                "asset_key": planned.asset_key.to_string(),
                "check_name": planned.check_name,
                "partition": partition,
                "run_id": event.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                "evaluation_event": serialize_value(event),
                "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]  # Dagster gives it no types
                "evaluation_event_storage_id": event_id,
            }
            for partition in (partitions.get_partition_keys() if partitions else [None])
        ]


class KeptRuns(PostgresRunStorage):
    """Runs, their tags and heartbeats, with a connection kept for the next one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._engine = _keeping_engine(self.postgres_url)


class KeptPostgresStorage(DagsterPostgresStorage):
    """``DagsterPostgresStorage`` whose event log and runs keep their connections."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._event_log_storage = KeptEventLog(self.postgres_url, self.should_autocreate_tables)
        self._run_storage = KeptRuns(self.postgres_url, self.should_autocreate_tables)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the storage that ``dagster.yaml`` describes."""
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
        )


def _keeping_engine(url: str) -> sqlalchemy.Engine:
    """Return an engine that keeps one connection, and looks before use whether it still lives."""
    engine = create_pg_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=20,
        pool_recycle=IDLE_SECONDS,
    )
    sqlalchemy.event.listen(engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Refuse a kept connection that the server has closed, so that the pool makes a new one.

    An idle one has nothing to read but its end. A question to the server (``pool_pre_ping``) costs
    as much as the statement that follows.
    """
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError
