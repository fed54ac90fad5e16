"""Gates: triggers that hold a chosen session inside a phase until the proof lets it go.

The product is not touched: triggers in the proof's database look at settings that only a victim's
sessions have (``PGOPTIONS``). A victim that waits at a gate is surely inside the phase, with its
locks held and its rows half written.
"""

from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import Connection, sql

SPACE: Final = 0x6B696C6C
"""First half of the keys of the advisory locks that are the gates; the second is the attempt."""

_SET_UP: LiteralString = """
CREATE SCHEMA chaos;

CREATE SEQUENCE chaos.passed;

CREATE TABLE chaos.settled (inbox_id uuid NOT NULL, is_applied boolean NOT NULL);

-- Holds from the stop_at-th row on that a victim's session writes at its point.
CREATE FUNCTION chaos.hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_ARGV[0] = current_setting('chaos.point', true) THEN
        IF nextval('chaos.passed') >= current_setting('chaos.stop_at')::int THEN
            PERFORM pg_advisory_lock_shared({space}, current_setting('chaos.attempt')::int);
            PERFORM pg_advisory_unlock_shared({space}, current_setting('chaos.attempt')::int);
        END IF;
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

-- COPY goes to temporary tables, which get their gate when they are made.
CREATE FUNCTION chaos.gate_stage() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    made record;
BEGIN
    IF current_setting('chaos.point', true) = 'copy' THEN
        FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands()
            WHERE object_type = 'table' AND schema_name = 'pg_temp'
        LOOP
            EXECUTE format('CREATE TRIGGER hold BEFORE INSERT ON %s FOR EACH ROW '
                'EXECUTE FUNCTION chaos.hold(''copy'')', made.object_identity);
        END LOOP;
    END IF;
END $$;

CREATE EVENT TRIGGER chaos_stage ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
    EXECUTE FUNCTION chaos.gate_stage();

CREATE TRIGGER hold_state BEFORE UPDATE ON platform.sync_state FOR EACH ROW
    WHEN (OLD.watermark IS DISTINCT FROM NEW.watermark OR OLD.cursor <> NEW.cursor)
    EXECUTE FUNCTION chaos.hold('state');
CREATE CONSTRAINT TRIGGER hold_state_commit AFTER UPDATE ON platform.sync_state
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.watermark IS DISTINCT FROM NEW.watermark OR OLD.cursor <> NEW.cursor)
    EXECUTE FUNCTION chaos.hold('state_commit');

CREATE TRIGGER hold_claim BEFORE UPDATE ON platform.webhook_inbox FOR EACH ROW
    WHEN (NEW.status = 'claimed') EXECUTE FUNCTION chaos.hold('claim');
CREATE CONSTRAINT TRIGGER hold_claim_commit AFTER UPDATE ON platform.webhook_inbox
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'claimed') EXECUTE FUNCTION chaos.hold('claim_commit');

CREATE TRIGGER hold_settle BEFORE UPDATE ON platform.webhook_inbox FOR EACH ROW
    WHEN (OLD.status = 'claimed' AND NEW.status <> 'claimed')
    EXECUTE FUNCTION chaos.hold('settle');
CREATE CONSTRAINT TRIGGER hold_settle_commit AFTER UPDATE ON platform.webhook_inbox
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status = 'claimed' AND NEW.status <> 'claimed')
    EXECUTE FUNCTION chaos.hold('settle_commit');

CREATE TRIGGER hold_token BEFORE INSERT OR UPDATE ON platform.app_token FOR EACH ROW
    EXECUTE FUNCTION chaos.hold('token');
CREATE CONSTRAINT TRIGGER hold_token_commit AFTER INSERT OR UPDATE ON platform.app_token
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos.hold('token_commit');

-- Not a gate: notes, when a settling transaction commits, whether raw holds the version that the
-- delivery speaks of, or knows that the record is gone.
CREATE FUNCTION chaos.note_settled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told jsonb := convert_from(NEW.body, 'UTF8')::jsonb;
BEGIN
    INSERT INTO chaos.settled
    SELECT NEW.id, EXISTS (
        SELECT FROM raw.saleor_orders AS r
        WHERE r.app_id = NEW.app_id AND r.external_id = told #>> '{{order,id}}'
            AND (r.source_updated_at >= (told #>> '{{order,updatedAt}}')::timestamptz
                OR r.deleted_at IS NOT NULL)
        UNION ALL
        SELECT FROM raw.zoho_sales_orders AS r
        WHERE r.app_id = NEW.app_id AND r.external_id = told #>> '{{salesorder,salesorder_id}}'
            AND (r.source_updated_at
                    >= (told #>> '{{salesorder,last_modified_time}}')::timestamptz
                OR r.deleted_at IS NOT NULL));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note_settled AFTER UPDATE ON platform.webhook_inbox
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('processed', 'ignored', 'dead')
        AND OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION chaos.note_settled();
"""

_GATE_TABLE: LiteralString = """
CREATE TRIGGER hold_rows BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW
    EXECUTE FUNCTION chaos.hold({point})
"""

_TABLES: LiteralString = """
SELECT n.nspname, c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('raw', 'core') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""

_WAITING: LiteralString = """
SELECT a.pid, a.query
FROM pg_locks AS l
JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = %s AND NOT l.granted
    AND a.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that a gate holds.

    Attributes:
        pid: its server process.
        query: the statement that it is in.
    """

    pid: int
    query: str


def set_up(conn: Connection[Any]) -> None:
    """Put the gates into a migrated database, open; needs a superuser."""
    conn.execute(sql.SQL(_SET_UP).format(space=sql.Literal(SPACE)))
    for schema, table in conn.execute(_TABLES).fetchall():
        statement = sql.SQL(_GATE_TABLE)
        name = sql.Identifier(schema, table)
        conn.execute(statement.format(table=name, point=sql.Literal(schema)))


def options(point: str, stop_at: int, attempt: int) -> str:
    """Return ``PGOPTIONS`` that make sessions victims.

    Args:
        point: ``copy``, ``raw``, ``core``, ``state``, ``claim``, ``settle``, ``token``; the last
            four also with ``_commit``: then the session is held inside of its COMMIT.
        stop_at: at which row of the point, counted from 1.
        attempt: number under which the gate is closed.
    """
    return f"-c chaos.point={point} -c chaos.stop_at={stop_at} -c chaos.attempt={attempt}"


def close(conn: Connection[Any], attempt: int) -> None:
    """Close the gate of an attempt and count its rows from 1."""
    conn.execute("ALTER SEQUENCE chaos.passed RESTART")
    conn.execute("SELECT pg_advisory_lock(%s, %s)", (SPACE, attempt))


def open_again(conn: Connection[Any], attempt: int) -> None:
    """Let go whoever waits at the gate of an attempt."""
    conn.execute("SELECT pg_advisory_unlock(%s, %s)", (SPACE, attempt))


def waiting(conn: Connection[Any], attempt: int) -> Waiting | None:
    """Return the session that the gate of an attempt holds."""
    row = conn.execute(_WAITING, (SPACE, attempt)).fetchone()
    return Waiting(row[0], row[1]) if row else None
