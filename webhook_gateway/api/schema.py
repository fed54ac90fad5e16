"""The GraphQL schema: orders and packages of the caller's tenants."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

import strawberry
from graphql import DocumentNode
from strawberry.dataloader import DataLoader
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext
from strawberry.types import Info as StrawberryInfo
from typing_extensions import override

from schemabase_dagster.api_tokens import Caller
from schemabase_dagster.normalise.tracking import tracking_ids
from webhook_gateway.api.limits import MAX_PAGE, USUAL_PAGE, LimitError
from webhook_gateway.api.rows import Place, Row, Rows

MAX_PACKAGES: Final = 20
"""Packages that one tracking number may find."""


class Context:
    """What resolvers of one request share: who calls, and what loads rows for many at once."""

    def __init__(self, caller: Caller, rows: Rows, document: DocumentNode) -> None:
        self.caller = caller
        self.rows = rows
        self.document = document
        self._loaders: dict[str, DataLoader[UUID, Any]] = {}

    def tenants(self, slug: str | None) -> Sequence[UUID]:
        """Return the caller's tenants, or the one of a slug; none for a slug of somebody else."""
        pairs = zip(self.caller.tenants, self.caller.tenant_ids, strict=True)
        return [each for known, each in pairs if slug is None or slug == known]

    def children(self, kind: str) -> DataLoader[UUID, list[Row]]:
        """Return the loader of the rows of a kind that belong to others."""
        return self._loader(kind, partial(self.rows.children, kind))

    def single(self, kind: str) -> DataLoader[UUID, Row | None]:
        """Return the loader of rows by their ids."""
        return self._loader(kind + " by id", partial(self.rows.single, kind))

    def _loader(
        self, name: str, load: Callable[[list[UUID]], Awaitable[Any]]
    ) -> DataLoader[UUID, Any]:
        if name not in self._loaders:
            self._loaders[name] = DataLoader(load_fn=load)
        return self._loaders[name]


Info: TypeAlias = StrawberryInfo[Context, None]


@strawberry.enum(description="How a list of orders is sorted.")
class OrderSort(Enum):
    NEWEST = "newest"
    OLDEST = "oldest"


@strawberry.type(description="Who placed an order.")
class Customer:
    first_name: str | None
    last_name: str | None
    email: str | None


@strawberry.type(description="A postal address.")
class Address:
    full_name: str | None
    company_name: str | None
    street: str | None
    line2: str | None
    postal_code: str | None
    city: str | None
    region: str | None
    country_code: str | None


@strawberry.type(description="A line of an order.")
class OrderLine:
    line_no: int
    sku: str
    description: str | None
    quantity: Decimal
    tax_percentage: Decimal | None
    unit_net: Decimal | None
    unit_gross: Decimal | None
    total_net: Decimal | None
    total_gross: Decimal | None


@strawberry.type(description="What lies in a package.")
class PackageLine:
    line_no: int
    sku: str
    description: str | None
    quantity: Decimal


@strawberry.type(description="What a carrier tells of a package.")
class PackageEvent:
    event_at: datetime
    state: str | None
    state_changed: bool
    source_status: str | None
    message: str | None
    location: str | None
    country_code: str | None
    is_delayed: bool


@strawberry.type(description="A package, whatever number of systems know it.")
class Package:
    id: strawberry.ID
    tenant: str
    package_number: str
    active: bool
    carrier: str
    state: str
    tracking_id: str | None
    tracking_ids: list[str] | None
    carrier_tracking_url: str | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    updated_at: datetime
    order_id: strawberry.Private[UUID | None]

    @strawberry.field(description="The order it belongs to; null until that is known.")
    async def order(self, info: Info) -> "Order | None":
        if self.order_id is None:
            return None
        row = await info.context.single("orders").load(self.order_id)
        return _order(row) if row is not None else None

    @strawberry.field(description="What lies in it.")
    async def lines(self, info: Info) -> list[PackageLine]:
        rows = await info.context.children("package_lines").load(UUID(self.id))
        return [_made(PackageLine, row, "package_id") for row in rows]

    @strawberry.field(description="What the carrier tells of it, oldest first.")
    async def events(self, info: Info) -> list[PackageEvent]:
        rows = await info.context.children("events").load(UUID(self.id))
        return [_made(PackageEvent, row, "package_id") for row in rows]


@strawberry.type(description="A sales order, whatever number of systems know it.")
class Order:
    id: strawberry.ID
    tenant: str
    order_number: str
    reference_number: str | None
    ordered_at: datetime
    expected_ship_date: date | None
    status: str
    payment_status: str
    shipment_status: str
    invoice_status: str
    ready_to_fulfill: bool
    currency: str
    carrier: str
    shipping_method_name: str | None
    language: str | None
    shipping_net: Decimal | None
    shipping_gross: Decimal | None
    discount_code: str | None
    discount_net: Decimal | None
    discount_gross: Decimal | None
    total_net: Decimal | None
    total_gross: Decimal
    updated_at: datetime
    row: strawberry.Private[Row]

    @strawberry.field(description="Its lines, by position.")
    async def lines(self, info: Info) -> list[OrderLine]:
        rows = await info.context.children("order_lines").load(UUID(self.id))
        return [_made(OrderLine, row, "order_id") for row in rows]

    @strawberry.field(description="Its packages.")
    async def packages(self, info: Info) -> list[Package]:
        rows = await info.context.children("packages").load(UUID(self.id))
        return [_made(Package, row, "tenant_id") for row in rows]

    @strawberry.field(description="Who placed it.")
    async def customer(self, info: Info) -> Customer:
        contact_id = self.row["contact_id"]
        found = await info.context.single("contacts").load(contact_id) if contact_id else None
        known = found or {}
        return Customer(
            first_name=self.row["first_name"] or known.get("first_name"),
            last_name=self.row["last_name"] or known.get("last_name"),
            email=known.get("email"),
        )

    @strawberry.field(description="Where it goes.")
    async def shipping_address(self, info: Info) -> Address | None:
        return await _address(info, self.row["shipping_address_id"])

    @strawberry.field(description="Where the invoice goes.")
    async def billing_address(self, info: Info) -> Address | None:
        return await _address(info, self.row["billing_address_id"])


@strawberry.type(description="An order in a list, with its place.")
class OrderEdge:
    cursor: str
    node: Order


@strawberry.type(description="Where a page of a list ends.")
class PageInfo:
    end_cursor: str | None
    has_next_page: bool


@strawberry.type(description="A page of orders.")
class OrderConnection:
    edges: list[OrderEdge]
    page_info: PageInfo


@strawberry.type
class Query:
    @strawberry.field(description="Packages that bear a tracking number.")
    async def packages(
        self, info: Info, tracking_id: str, tenant: str | None = None
    ) -> list[Package]:
        given = tracking_ids(_storable(tracking_id))
        numbers = {*given, *(each.upper() for each in given)}
        rows = await info.context.rows.packages_by_tracking(
            sorted(numbers), info.context.tenants(tenant), MAX_PACKAGES
        )
        return [_made(Package, row, "tenant_id") for row in rows]

    @strawberry.field(description="The order of a number; name the tenant if several have it.")
    async def order(self, info: Info, number: str, tenant: str | None = None) -> Order | None:
        found = await info.context.rows.orders_by_number(
            _storable(number).strip(), info.context.tenants(tenant)
        )
        if len(found) > 1:
            raise LimitError(
                "Several tenants of the token have an order of this number; name one with "
                "'tenant'.",
                "AMBIGUOUS",
            )
        return _order(found[0]) if found else None

    @strawberry.field(description=f"Orders by the time they were placed, {MAX_PAGE} a page.")
    async def orders(
        self,
        info: Info,
        first: int = USUAL_PAGE,
        after: str | None = None,
        sort: OrderSort = OrderSort.NEWEST,
        tenant: str | None = None,
    ) -> OrderConnection:
        if not 1 <= first <= MAX_PAGE:
            raise LimitError(f"'first' is a number from 1 to {MAX_PAGE}.", "BAD_USER_INPUT")
        # One more than asked for tells whether there is another page: same rows, same order.
        rows = await info.context.rows.page_of_orders(
            info.context.tenants(tenant),
            _place(after) if after else None,
            first + 1,
            newest_first=sort is OrderSort.NEWEST,
        )
        edges = [OrderEdge(cursor=_cursor(row), node=_order(row)) for row in rows[:first]]
        return OrderConnection(
            edges=edges,
            page_info=PageInfo(
                end_cursor=edges[-1].cursor if edges else None, has_next_page=len(rows) > first
            ),
        )


class _Parsed(SchemaExtension):
    """Hands over the document that was parsed and measured before."""

    def on_parse(self) -> Any:
        context = self.execution_context
        context.graphql_document = context.context.document
        yield


class _Schema(strawberry.Schema):
    @override
    def process_errors(
        self, errors: list[Any], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing: the texts may hold data; the route logs class and place."""


NOT_EXECUTABLE: Final = (
    CannotGetOperationTypeError,
    InvalidOperationTypeError,
    MissingQueryError,
)
"""What the library raises for a document without an operation that could be run."""

SCHEMA: Final = _Schema(query=Query, extensions=[_Parsed])


async def _address(info: Info, address_id: UUID | None) -> Address | None:
    if address_id is None:
        return None
    row = await info.context.single("addresses").load(address_id)
    return _made(Address, row, "id") if row is not None else None


def _order(row: Row) -> Order:
    private = {
        "tenant_id", "contact_id", "first_name", "last_name", "shipping_address_id",
        "billing_address_id",
    }  # fmt: skip
    shown = {name: value for name, value in row.items() if name not in private}
    return Order(**{**shown, "id": strawberry.ID(str(row["id"])), "row": row})


def _made(kind: Any, row: Row, *left_out: str) -> Any:
    """Return a row as an object of a type whose fields are its columns."""
    shown = {name: value for name, value in row.items() if name not in left_out}
    if "id" in shown:
        shown["id"] = strawberry.ID(str(shown["id"]))
    return kind(**shown)


def _cursor(row: Row) -> str:
    """Return a place as text: it says where, never whose, and opens nothing by itself."""
    text = f"{row['ordered_at'].isoformat()}/{row['id']}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _place(cursor: str) -> Place:
    try:
        instant, _, order_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("/")
        return Place(datetime.fromisoformat(instant).astimezone(UTC), UUID(order_id))
    except (ValueError, OverflowError):
        raise LimitError("'after' is no cursor of this list.", "BAD_USER_INPUT") from None


def _storable(text: str) -> str:
    # what no row can hold, the database refuses to compare
    return text.encode(errors="ignore").decode().replace("\x00", "")
