"""Phases: where workers are killed, and how they are made to be there."""

from dataclasses import dataclass
from typing import Final

from proofs.chaos.worker import Kind

SYSTEMS: Final = ("saleor", "zoho")


@dataclass(frozen=True, slots=True)
class Slow:
    """A call that the stand-in answers late.

    Attributes:
        system: whose call.
        match: path or operation.
        where: ``list``, ``detail`` or ``token``.
        after: how many such calls pass before.
        kinds: which workers make it.
    """

    system: str
    match: str
    where: str
    kinds: tuple[Kind, ...] = ("pull",)
    after: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """Where workers are killed.

    Attributes:
        name: as the table names it.
        points: gates, one is chosen for each attempt.
        slow: late calls, one is chosen for each attempt.
        kinds: workers that pass the gates.
        rows: the gate is at one of the first so many rows.
        expires_token: a new access token is needed.
    """

    name: str
    points: tuple[str, ...] = ()
    slow: tuple[Slow, ...] = ()
    kinds: tuple[Kind, ...] = ("pull", "deliver")
    rows: int = 6
    expires_token: bool = False


HINTS: Final = Slow("saleor", "OrdersByIds", "detail", ("deliver",))

FETCHES: Final = (
    Slow("zoho", "/salesorders", "list"),
    Slow("zoho", "/salesorders", "detail", after=2),
    Slow("zoho", "/invoices", "list"),
    Slow("zoho", "/contacts", "list"),
    Slow("saleor", "OrdersPage", "list"),
)

PHASES: Final = (
    Phase("fetch", slow=FETCHES),
    Phase("COPY", ("copy",)),
    Phase("merge into raw", ("raw",)),
    Phase("merge into core", ("core",)),
    Phase("state commit", ("state", "state_commit"), kinds=("pull",), rows=2),
    Phase("claim", ("claim", "claim_commit"), kinds=("deliver",), rows=3),
    Phase("fetch of claimed hints", slow=(HINTS,)),
    Phase("settle", ("settle", "settle_commit"), kinds=("deliver",), rows=3),
    Phase(
        "token refresh",
        ("token", "token_commit"),
        slow=(Slow("zoho", "/oauth/v2/token", "token"),),
        kinds=("pull",),
        rows=1,
        expires_token=True,
    ),
)
