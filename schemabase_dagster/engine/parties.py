"""Contacts, companies and addresses that stand inside other records, upserted set-based."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql
from sqlalchemy import Table

from schemabase_dagster.candidate import AddressFields, Party
from schemabase_dagster.engine.bearers import find_bearers, has_bearers
from schemabase_dagster.engine.ids import new_id
from schemabase_dagster.engine.write import upsert
from schemabase_dagster.normalise.address import fingerprint, is_empty
from schemabase_dagster.normalise.text import normalized_name
from schemabase_dagster.tables.parties import addresses, companies, contacts

ADDRESS_COLUMNS: Final = tuple(column.name for column in fields(AddressFields))
_values_of = attrgetter(*ADDRESS_COLUMNS)  # ``astuple`` copies, which costs ten times as much
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

EMBEDDED_RANK: Final = 10
"""Ranks above it come from contact records; a party inside an order never beats those."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A party as one record mentions it, and what orders mentions.

    Attributes:
        party: the party; it has an e-mail.
        app_key: app of the record.
        rank: rank of the app's role; smaller is better.
        at: business time of the record: the latest mention of the best rank counts.
        external_id: the record, to break ties.
    """

    party: Party
    app_key: str
    rank: int
    at: datetime
    external_id: str

    @property
    def weight(self) -> tuple[int, str, str]:
        """Return what decides between two mentions; greater wins, whatever comes first."""
        return (-self.rank, self.at.isoformat(), self.external_id)


def upsert_named(
    conn: Connection, table: Table, tenant_id: UUID, names: Iterable[str]
) -> dict[str, UUID]:
    """Make sure rows known by a name exist; return their ids by normalised name.

    Of several spellings the greatest is kept, so that the order of arrival does not matter. A
    row that a record of its own decides keeps what that says.
    """
    wanted: dict[str, str] = {}
    for name in names:
        key = normalized_name(name)
        wanted[key] = max(wanted.get(key, ""), name)
    if not wanted:
        return {}
    query = sql.SQL(
        "SELECT normalized_name, id, name, sources = '{{}}' FROM {} "
        "WHERE tenant_id = %s AND normalized_name = ANY(%s)"
    ).format(sql.Identifier(str(table.schema), table.name))
    rows = conn.execute(query, (tenant_id, list(wanted))).fetchall()
    known = {row[0]: row[1:] for row in rows}
    ids = {key: known[key][0] if key in known else new_id() for key in wanted}
    changed: list[dict[str, object]] = [
        {"id": ids[key], "tenant_id": tenant_id, "name": name, "normalized_name": key}
        for key, name in wanted.items()
        if key not in known or (name > known[key][1] and known[key][2])
    ]
    upsert(
        conn, table, changed, ("id", "tenant_id", "name", "normalized_name"), key=("id",),
        is_new=lambda row: row["normalized_name"] not in known,
    )  # fmt: skip
    return ids


def upsert_companies(conn: Connection, tenant_id: UUID, names: Iterable[str]) -> dict[str, UUID]:
    """Make sure companies exist; return their ids by normalised name.

    A name that records of companies bear, or bore once, is that of their row: a VAT id may have
    brought two names together.
    """
    wanted = {normalized_name(name): name for name in sorted(names)}
    if not wanted or not has_bearers(conn, tenant_id, "company"):
        return upsert_named(conn, companies, tenant_id, wanted.values())
    known = find_bearers(conn, tenant_id, "company", wanted)
    others = (name for key, name in wanted.items() if key not in known)
    return known | upsert_named(conn, companies, tenant_id, others)


def upsert_contacts(
    conn: Connection, tenant_id: UUID, mentions: Iterable[Mention]
) -> dict[str, UUID]:
    """Make sure the mentioned contacts exist; return their ids by e-mail.

    A contact that a contact record speaks of keeps that record's names; otherwise the latest
    mention names it.
    """
    best: dict[str, Mention] = {}
    for mention in mentions:
        email = mention.party.email
        if email is not None and (email not in best or mention.weight > best[email].weight):
            best[email] = mention
    if not best:
        return {}
    rows = conn.execute(
        "SELECT email_normalized, id, sources->'names', deleted_at IS NOT NULL "
        "FROM core.contacts WHERE tenant_id = %s AND email_normalized = ANY(%s)",
        (tenant_id, list(best)),
    ).fetchall()
    known = {row[0]: row for row in rows}
    ids = {email: known[email][1] if email in known else new_id() for email in best}
    newer = {
        email: mention for email, mention in best.items() if _is_newer(mention, known.get(email))
    }
    company_names = [m.party.company_name for m in newer.values() if m.party.company_name]
    company_ids = upsert_companies(conn, tenant_id, company_names)
    upsert(
        conn,
        contacts,
        [_contact(ids[email], tenant_id, mention, company_ids) for email, mention in newer.items()],
        ("id", "tenant_id", "email", "first_name", "last_name", "phone", "company_id",
         "company_key", "is_customer", "is_vendor", "sources"),
        key=("id",),
        fixed=("id", "is_customer", "is_vendor"),
        is_new=lambda row: row["email"] not in known,
    )  # fmt: skip
    return ids


def upsert_addresses(
    conn: Connection, tenant_id: UUID, wanted: Iterable[AddressFields]
) -> dict[AddressFields, UUID]:
    """Make sure addresses exist; return their ids. Empty addresses are left out.

    Addresses are content-addressed: of several spellings of one the greatest is kept, so that
    the order of arrival does not matter.
    """
    prints = {address: _fingerprint(address) for address in wanted if not is_empty(address)}
    if not prints:
        return {}
    spelling: dict[bytes, AddressFields] = {}
    for address, digest in prints.items():
        rival = spelling.get(digest)
        if rival is None or _spelling(address) > _spelling(rival):
            spelling[digest] = address
    known = _known_addresses(conn, tenant_id, list(spelling))
    ids = {digest: known[digest][0] if digest in known else new_id() for digest in spelling}
    changed = [
        {"id": ids[digest], "tenant_id": tenant_id, "fingerprint": digest,
         **dict(zip(ADDRESS_COLUMNS, _values_of(address), strict=True))}
        for digest, address in spelling.items()
        if digest not in known or _spelling(address) > _spelling(known[digest][1])
    ]  # fmt: skip
    columns = ("id", "tenant_id", "fingerprint", *ADDRESS_COLUMNS)
    upsert(
        conn, addresses, changed, columns, key=("id",), fixed=("id", "fingerprint"),
        is_new=lambda row: row["fingerprint"] not in known,
    )  # fmt: skip
    return {address: ids[digest] for address, digest in prints.items()}


def _known_addresses(
    conn: Connection, tenant_id: UUID, digests: Sequence[bytes]
) -> dict[bytes, tuple[UUID, AddressFields]]:
    rows = conn.execute(
        "SELECT fingerprint, id, full_name, company_name, street, line2, postal_code, city, "
        "region, country_code, phone FROM core.addresses "
        "WHERE tenant_id = %s AND fingerprint = ANY(%s)",
        (tenant_id, list(digests)),
        binary=True,
    )
    return {bytes(row[0]): (row[1], AddressFields(*row[2:])) for row in rows}


@lru_cache(maxsize=16_384)  # about 10 MB; an address comes again with the orders of its customer
def _fingerprint(address: AddressFields) -> bytes:
    return fingerprint(address)


def _spelling(address: AddressFields) -> tuple[str, ...]:
    return tuple(value or "" for value in _values_of(address))


def _is_newer(mention: Mention, known: Sequence[Any] | None) -> bool:
    if known is None or known[3]:
        return True
    named: Mapping[str, Any] = known[2] or {}
    if "rank" not in named:
        return not named
    rank, at, external_id = named["rank"], named["at"], named["record"]
    return mention.weight >= (-rank, at, external_id)


def _contact(
    contact_id: UUID, tenant_id: UUID, mention: Mention, company_ids: Mapping[str, UUID]
) -> dict[str, Any]:
    party = mention.party
    company = normalized_name(party.company_name) if party.company_name else None
    return {
        "id": contact_id,
        "tenant_id": tenant_id,
        "email": party.email,
        "first_name": party.first_name,
        "last_name": party.last_name,
        "phone": party.phone,
        "company_id": company_ids[company] if company else None,
        "company_key": company,
        "is_customer": True,
        "is_vendor": False,
        "sources": {
            "names": {
                "app": mention.app_key,
                "rank": mention.rank,
                "at": mention.at.isoformat(),
                "record": mention.external_id,
            }
        },
    }
