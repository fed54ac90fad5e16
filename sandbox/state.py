"""What one sandbox holds: the merchants' worlds, tokens, limits, faults and counters."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.calls import CallBook
from sandbox.clock import ScaledClock
from sandbox.elasticsearch.cluster import Cluster
from sandbox.faults import FaultDesk
from sandbox.merchants import make_merchant
from sandbox.saleor.installed import InstalledApp
from sandbox.saleor.keys import KeyRing
from sandbox.seeding import make_world
from sandbox.strapi.desk import Editor
from sandbox.world import LINES, World
from sandbox.xentral.digest import Gate
from sandbox.zoho.limits import Limits
from sandbox.zoho.tokens import TokenDesk

ALL_PERMISSIONS = ("HANDLE_PAYMENTS", "MANAGE_ORDERS", "MANAGE_PRODUCTS", "MANAGE_USERS")


@dataclass(slots=True)
class Shop:
    """The Saleor side of a merchant that is not data: its app's rights, its keys, its address.

    Attributes:
        apps: those installed by manifest, beside the one whose token the merchant has.
        installs: how many there ever were.
        failures: how many deliveries ever failed.
    """

    keys: KeyRing
    is_revoked: bool = False
    permissions: tuple[str, ...] = ALL_PERMISSIONS
    api_url: str = ""
    apps: list[InstalledApp] = field(default_factory=list)
    installs: int = 0
    failures: int = 0


@dataclass(slots=True)
class ReviewStore:
    """The REVIEWS.io side of a merchant that is not data.

    A revoked key is not refused: it shows what the public sees.
    """

    is_key_revoked: bool = False


@dataclass(slots=True)
class Gateway:
    """The Braintree side of a merchant that is not data.

    Attributes:
        most_ids: so many ids a search gives at most, without a word about the rest.
    """

    is_revoked: bool = False
    most_ids: int = 50_000


@dataclass(slots=True, eq=False)
class Account:
    """Everything of one merchant."""

    world: World
    tokens: TokenDesk
    limits: Limits
    shop: Shop
    warehouse: Gate
    editor: Editor
    cluster: Cluster
    reviews: ReviewStore = field(default_factory=ReviewStore)
    gateway: Gateway = field(default_factory=Gateway)


@dataclass(frozen=True, slots=True)
class Options:
    """How a sandbox is made.

    Attributes:
        size: Zoho sales orders per merchant; most of them come from a shop order.
        sizes: merchants that have another number of them.
        now: the moment the data was made, microseconds since the epoch.
        inline_lines: Zoho list rows carry lines and addresses like the detail (benchmarks).
        lines: numbers of lines that an order may have.
        clock_scale: stand-in seconds per real second, for limits and token expiry.
        latency: seconds every API answer takes at least.
    """

    seed: int
    size: int
    merchants: tuple[str, ...]
    now: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    inline_lines: bool = False
    lines: tuple[int, ...] = LINES
    clock_scale: float = 1.0
    latency: float = 0.0


@dataclass(slots=True)
class State:
    """The whole sandbox; ``lock`` is held while it is read or changed.

    Attributes:
        changes: changes made so far, which makes each of them draw other records.
        is_pristine: no change was begun, so the data is as it was made.
    """

    options: Options
    accounts: dict[str, Account]
    clock: ScaledClock
    calls: CallBook = field(default_factory=CallBook)
    faults: FaultDesk = field(default_factory=FaultDesk)
    lock: threading.RLock = field(default_factory=threading.RLock)
    changes: int = 0
    is_pristine: bool = True

    def by_organization(self, organization_id: str) -> Account | None:
        """The account of a Zoho organisation."""
        for account in self.accounts.values():
            if account.world.merchant.organization_id == organization_id:
                return account
        return None

    def by_client(self, client_id: str) -> Account | None:
        """The account of a Zoho OAuth client."""
        for account in self.accounts.values():
            if account.world.merchant.client_id == client_id:
                return account
        return None

    def by_store(self, store_id: str) -> Account | None:
        """The account of a REVIEWS.io store."""
        for account in self.accounts.values():
            if account.world.merchant.store_id == store_id:
                return account
        return None


def make_state(
    options: Options,
    keys: Mapping[str, KeyRing] | None = None,
    worlds: Mapping[str, World] | None = None,
) -> State:
    """Make a sandbox from its options; ``keys`` and ``worlds`` are kept of an earlier one."""
    clock = ScaledClock(options.clock_scale)
    accounts = {}
    for number, name in enumerate(options.merchants):
        merchant = make_merchant(name, number, options.seed)
        size = options.sizes.get(name, options.size)
        world = (worlds or {}).get(name) or make_world(
            merchant, seed=options.seed, size=size, now=options.now, lines=options.lines
        )
        ring = (keys or {}).get(name) or KeyRing()
        gate = Gate("schemabase-api", merchant.warehouse_password, merchant.warehouse_token, clock)
        accounts[name] = Account(
            world,
            TokenDesk(merchant, clock),
            Limits(clock),
            Shop(ring),
            gate,
            Editor(merchant.editor_token),
            Cluster("log-writer", merchant.search_password, merchant.search_key),
        )
    return State(options, accounts, clock)
