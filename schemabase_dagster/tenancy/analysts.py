"""Analysts: database roles that read the ``core`` and ``analytics`` rows of some tenants.

Whom a role may read stands in ``platform.analyst_access``, which it can neither read nor write;
row-level security asks that table in every query. See ``migrations/access.py`` for the grants.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import Connection, sql
from psycopg.rows import class_row

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.migrations import access
from schemabase_dagster.tenancy.records import Tenant

CONNECTIONS: Final = 20
"""Most sessions of one analyst: a tool that leaks them must not take those of the syncs."""

STATEMENT_SECONDS: Final = 120
IDLE_SECONDS: Final = 600
PASSWORD_BYTES: Final = 24

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")

_IS_ANALYST: LiteralString = """
SELECT EXISTS (
    SELECT FROM pg_auth_members AS m
    JOIN pg_roles AS g ON g.oid = m.roleid
    WHERE m.member = r.oid AND g.rolname = %(group)s
)
FROM pg_roles AS r
WHERE r.rolname = %(role)s
"""

_LET_READ: LiteralString = """
INSERT INTO platform.analyst_access (role, tenant_id)
SELECT %s, unnest(%s::uuid[])
ON CONFLICT (role, tenant_id) DO NOTHING
"""

_STOP_READING: LiteralString = """
DELETE FROM platform.analyst_access
WHERE role = %(role)s
  AND (%(tenant_ids)s::uuid[] IS NULL OR tenant_id = ANY (%(tenant_ids)s))
"""

_READS_MORE: LiteralString = "SELECT FROM platform.analyst_access WHERE role = %s LIMIT 1"

_LIST: LiteralString = """
SELECT
    a.role AS name,
    array_agg(t.slug ORDER BY t.slug) AS tenants,
    min(a.granted_at) AS added_at,
    bool_or(r.oid IS NOT NULL) AS can_log_in,
    (SELECT count(*) FROM pg_stat_activity AS s WHERE s.usename = a.role) AS sessions
FROM platform.analyst_access AS a
JOIN platform.tenant AS t ON t.id = a.tenant_id
LEFT JOIN pg_roles AS r ON r.rolname = a.role AND r.rolcanlogin
GROUP BY a.role
ORDER BY a.role
"""

_SETTINGS: Final[Mapping[str, sql.Composable]] = {
    "search_path": sql.SQL("analytics, core"),
    "default_transaction_read_only": sql.Literal("on"),
    # Views group whole tables: with the server's 4 MB they would do so on disk.
    "work_mem": sql.Literal("64MB"),
    # Views give out all their rows: at the usual price of a row that a worker hands over, one
    # process would read, join and format them while the other cores wait.
    "parallel_tuple_cost": sql.Literal("0.01"),
    "statement_timeout": sql.Literal(f"{STATEMENT_SECONDS}s"),
    "idle_in_transaction_session_timeout": sql.Literal(f"{IDLE_SECONDS}s"),
}
"""What a session begins with. The analyst can change them: none of them keeps rows from him."""


@dataclass(frozen=True, slots=True)
class Analyst:
    """One analyst.

    Attributes:
        name: the role.
        tenants: slugs of the tenants it reads.
        added_at: since when the first of them.
        can_log_in: False when somebody dropped the role by hand.
        sessions: its sessions now.
    """

    name: str
    tenants: list[str]
    added_at: datetime
    can_log_in: bool
    sessions: int


def add(conn: Connection[Any], name: str, tenants: Sequence[Tenant]) -> str | None:
    """Let an analyst read tenants, in the caller's transaction.

    Args:
        conn: connection of the owner of the tables, who may make roles.
        name: the role; made when it is new.
        tenants: tenants it reads from now on, besides those it reads already.

    Returns:
        The connection string of a new role, which cannot be shown again; None for one that exists.

    Raises:
        ConfigurationError: the name is impossible or another role's, or we may not make roles.
    """
    if _NAME.fullmatch(name) is None or name.startswith("pg_"):
        raise ConfigurationError(
            f"'{name}' is not a possible name of an analyst.",
            "Use lower case letters, digits and _, beginning with a letter.",
        )
    known = conn.execute(_IS_ANALYST, {"role": name, "group": access.GROUP}).fetchone()
    if known is not None and not known[0]:
        raise ConfigurationError(
            f"The database has a role '{name}' that is not an analyst.", "Choose another name."
        )
    link = None if known is not None else _make_role(conn, name)
    conn.execute(_LET_READ, (name, [tenant.id for tenant in tenants]))
    return link


def remove(conn: Connection[Any], name: str, tenants: Sequence[Tenant] | None = None) -> bool:
    """Stop an analyst from reading, from the next query of every session on.

    Args:
        conn: as for ``add``.
        name: the role; dropped when it reads no tenant any more.
        tenants: only these; None = all.

    Returns:
        Whether the role is gone.

    Raises:
        ConfigurationError: there is no such analyst, or the role owns something elsewhere.
    """
    tenant_ids = None if tenants is None else [tenant.id for tenant in tenants]
    done = conn.execute(_STOP_READING, {"role": name, "tenant_ids": tenant_ids})
    if not done.rowcount:
        raise ConfigurationError(
            f"There is no analyst '{name}' with such an access.",
            "Run 'schemabase analyst list' to see all.",
        )
    if conn.execute(_READS_MORE, (name,)).fetchone() is not None:
        return False
    _drop_role(conn, name)
    return True


def list_all(conn: Connection[Any]) -> list[Analyst]:
    """Return all analysts by name."""
    with conn.cursor(row_factory=class_row(Analyst)) as cursor:
        return cursor.execute(_LIST).fetchall()


def _make_role(conn: Connection[Any], name: str) -> str:
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    # Hashed here: the text of a statement may be logged by the server, the password is not in it.
    verifier = conn.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    role, group = sql.Identifier(name), sql.Identifier(access.GROUP)
    try:
        _ensure_group(conn)
        conn.execute(
            sql.SQL("CREATE ROLE {} LOGIN INHERIT CONNECTION LIMIT {} PASSWORD {}").format(
                role, sql.Literal(CONNECTIONS), sql.Literal(verifier.decode())
            )
        )
        conn.execute(sql.SQL("GRANT {} TO {}").format(group, role))
    except psycopg.errors.InsufficientPrivilege:
        raise ConfigurationError(
            "The role of DATABASE_URL may not make roles.",
            "Let an administrator run: ALTER ROLE ... CREATEROLE.",
        ) from None
    here = sql.Identifier(conn.info.dbname)
    for setting, value in _SETTINGS.items():
        conn.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
                role, here, sql.Identifier(setting), value
            )
        )
    return _link(conn, name, password)


def _ensure_group(conn: Connection[Any]) -> None:
    try:
        with conn.transaction():
            conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(access.GROUP)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        pass  # another database of the server has analysts already
    access.apply(conn)


def _drop_role(conn: Connection[Any], name: str) -> None:
    try:
        conn.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
    except psycopg.errors.DependentObjectsStillExist:
        raise ConfigurationError(
            f"Role '{name}' owns something or has rights in another database.",
            f"Let an administrator run DROP OWNED BY {name} there, and repeat the command.",
        ) from None


def _link(conn: Connection[Any], name: str, password: str) -> str:
    """Return where we are connected to, with the analyst's login."""
    known = conn.info.get_parameters()
    host = conn.info.host or "localhost"
    place = f"[{host}]" if ":" in host else quote(host, safe="")
    options = {key: known[key] for key in ("sslmode", "sslrootcert") if known.get(key)}
    return (
        f"postgresql://{name}:{quote(password)}@{place}:{conn.info.port}"
        f"/{quote(conn.info.dbname)}{'?' + urlencode(options) if options else ''}"
    )
