"""SourceRecord and Candidate: what goes into a mapper and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One live raw record with what a mapper may know about its app.

    Attributes:
        external_id: id in the source system.
        text: the record as received, as JSON text.
        config: the app's validated configuration model.
        source_updated_at: modified time by the source, if it has one.
    """

    external_id: str
    text: str
    config: Any
    source_updated_at: datetime | None

    def read(self, model: type[Model]) -> Model:
        """Return the record as a model; straight from the text, as most of it is not looked at.

        Raises:
            pydantic.ValidationError: a field that the model names is missing or of another type.
        """
        return model.model_validate_json(self.text)

    @property
    def payload(self) -> dict[str, Any]:
        """The whole record, for fields whose names only the app's configuration knows."""
        payload: dict[str, Any] = orjson.loads(self.text)
        return payload


@dataclass(frozen=True, slots=True)
class AddressFields:
    """One postal address as the source wrote it, trimmed; empty strings are None."""

    full_name: str | None = None
    company_name: str | None = None
    street: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country_code: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """A person or company inside another record, matched by e-mail.

    Attributes:
        email: normalised e-mail; a party without one is stored on the owning row only.
        external_id: id of the contact in the same system, if the record names it.
    """

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    company_name: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one source record says about one canonical row.

    Attributes:
        match_key: the record's own natural key (order number, e-mail); None never matches.
        other_key: a second key under which another app's record may own the row, for instance
            the shop's number in an ERP order's reference.
        values: canonical column -> value; a column that the source does not know is absent, one
            that it knows to be empty is None.
        children: child kind (``lines``) -> rows in source order, column -> value.
        contact: the party the row belongs to.
        channel: name of the sales channel.
        addresses: column (``shipping_address_id``) -> address.
        parents: parent entity -> natural keys the row refers to (``order`` -> numbers); ``#id`` is
            the parent's id in the same app; ``<entity>:<role>`` where a ``Link`` has a role.
        shares: parent entity -> key in ``parents`` -> column -> value of that link, for instance
            how much of a payment is for an order.
        attrs: facts kept on the reference for checks: total, currency, status.
        status: the source's own status text, untranslated.
        number: the human number as the source writes it.
    """

    match_key: str | None
    values: Mapping[str, Any]
    other_key: str | None = None
    children: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    contact: Party | None = None
    channel: str | None = None
    addresses: Mapping[str, AddressFields] = field(default_factory=dict)
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shares: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    status: str | None = None
    number: str | None = None
