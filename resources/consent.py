"""Consent: how the owner of an account lets us in, where a system wants it asked by OAuth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

from pydantic import BaseModel, SecretStr

from schemabase_dagster.streams import Stream
from schemabase_dagster.systems import System

RIGHTS: Final = "rights"
"""What a client's check calls the rights that its credentials have, where the system tells."""


class OAuthClient(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """What the system's developer console shows: the client, and a code where it gives one."""

    client_id: SecretStr
    client_secret: SecretStr
    code: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One account that a consent opened.

    Attributes:
        key: what the configuration calls it.
        title: its name for people.
        note: what tells it from others: plan, currency, time zone.
    """

    key: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What came of a consent.

    Attributes:
        credentials: field -> secret, as the system's model wants them.
        granted: the rights that were given, as the system writes them.
        accounts: accounts to choose from.
        account_setting: name of the setting that holds the chosen account's key.
    """

    credentials: Mapping[str, str] = field(repr=False)
    granted: str
    accounts: Sequence[Account]
    account_setting: str


@runtime_checkable
class Consent(Protocol):
    """The way of one system; its module or package exposes one such object."""

    system: System
    places: Mapping[str, str]
    """Value of the setting ``place_setting`` -> where accounts of that place are asked."""
    place_setting: str

    def rights(self, streams: Iterable[Stream]) -> list[str]:
        """Return the rights to ask for, so that streams can be read."""
        ...

    def missing(self, granted: str, needed: Iterable[str]) -> list[str]:
        """Return the rights that are not among those that the system says were given."""
        ...

    def address(
        self,
        config: Mapping[str, Any],
        client: OAuthClient,
        redirect_uri: str,
        *,
        state: str,
        rights: Iterable[str],
    ) -> str:
        """Return the page where the owner consents to some rights."""
        ...

    def redeem(
        self, config: Mapping[str, Any], client: OAuthClient, redirect_uri: str | None
    ) -> Grant:
        """Exchange the client's code; without ``redirect_uri`` it came from the console.

        Raises:
            ConfigurationError: the system refuses client or code; the message says which.
            ProviderError: it does not answer as expected.
        """
        ...

    def place_of(self, answer: Mapping[str, str]) -> str | None:
        """Return the place that the consent page named; None when it named none we know."""
        ...
