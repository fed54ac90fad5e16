"""Mutations: what is common to all changes of data, and the journal that keeps them."""

from collections.abc import Callable
from functools import wraps
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar

from sandbox.state import Account, State
from sandbox.times import now_us
from sandbox.world import World

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound="Changes")

MUTATIONS: set[str] = set()
"""Names of the methods that change what the systems answer; the journal keeps their calls."""


def mutation(
    method: Callable[Concatenate[C, P], T],
) -> Callable[Concatenate[C, P], T]:
    """Run a method under the lock and keep its call in the journal."""
    MUTATIONS.add(method.__name__)

    @wraps(method)
    def locked(self: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.state.lock:
            at = self.at or now_us()
            self.at = at
            self.state.is_pristine = False
            try:
                result = method(self, *args, **kwargs)
            finally:
                self.at = 0
            self.state.changes += 1
            if self.journal is not None:
                self.journal({"do": method.__name__, "args": args, "with": kwargs, "at": at})
        return result

    return locked


class Changes:
    """Changes of data; each is kept in the journal, so that a later sandbox can repeat it.

    Attributes:
        at: the time of the change that is being made; 0 = now. A replay sets it.
        journal: receives every change.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.at = 0
        self.journal: Callable[[dict[str, Any]], None] | None = None

    def _account(self, merchant: str) -> Account:
        account = self.state.accounts.get(merchant)
        if account is None:
            raise ValueError(
                f"no merchant {merchant!r}, there are {', '.join(self.state.accounts)}"
            )
        return account

    def _world(self, merchant: str) -> World:
        return self._account(merchant).world

    def _rng(self) -> Random:
        return Random(f"{self.state.options.seed}/change/{self.state.changes}")
