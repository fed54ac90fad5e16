"""Storage of the Dagster instance in Postgres that keeps its connections (see ``dagster.yaml``).

dagster-postgres opens a connection for every event it writes, which costs more than the event:
outside of the web server it holds none. A run of some forty steps writes about 500 events.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

import sqlalchemy
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage, PostgresRunStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

IDLE_SECONDS: Final = 600


class KeptEventLog(PostgresEventLogStorage):
    """Event log with a connection kept for the next event."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._engine = _keeping_engine(self.postgres_url)


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
    """Return an engine that keeps one connection, and asks before use whether it still lives."""
    return create_pg_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=20,
        pool_pre_ping=True,
        pool_recycle=IDLE_SECONDS,
    )
