"""The kinds of Zoho records: how each is listed, sorted, filtered and rendered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aftersales import credit_balance, credit_total
from sandbox.articles import COMPOSITES
from sandbox.money import total_up
from sandbox.store import Article, Contact, Invoice, Package, Table, ZohoOrder
from sandbox.times import zoho_date
from sandbox.world import World
from sandbox.zoho import aftersales, documents, invoices, items, packages, parties, payments

Render = Callable[[World, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Entity:
    """How one kind of record is listed and rendered.

    ``ignored`` parameters filter nothing; ``inside`` is what lies below a record's own path.
    """

    plural: str
    singular: str
    id_key: str
    missing: str
    report: str
    default_sort: str
    sorts: Mapping[str, Callable[[World, Any], Any]]
    texts: Mapping[str, Callable[[World, Any], str]]
    row: Render
    detail: Render
    table: Callable[[World], Table[Any]]
    status: Callable[[Any], frozenset[str]]
    ignored: frozenset[str] = frozenset()
    inside: Mapping[str, Render] = field(default_factory=dict)
    list_key: str = ""

    @property
    def rows(self) -> str:
        """Key of the rows in a list answer."""
        return self.list_key or self.plural


def _order_statuses(order: ZohoOrder) -> frozenset[str]:
    main = documents.STATUSES[order.stage][0]
    status = documents.STATUSES[order.stage][4]
    return frozenset({main, status, "open" if main == "confirmed" else main})


def _order_day(world: World, order: ZohoOrder) -> str:
    return zoho_date(order.sale.created, world.merchant.timezone)


def _order_customer(world: World, order: ZohoOrder) -> str:
    return world.customer(order.sale.customer).display_name


ORDERS = Entity(
    plural="salesorders",
    singular="salesorder",
    id_key="salesorder_id",
    missing="Sales Order does not exist.",
    report="Sales Orders",
    default_sort="created_time",
    sorts={
        "last_modified_time": lambda _world, order: order.modified,
        "created_time": lambda _world, order: order.created,
        "date": _order_day,
        "salesorder_number": lambda _world, order: order.number,
        "reference_number": lambda _world, order: order.reference,
        "customer_name": _order_customer,
        "total": lambda world, order: total_up(world.content(order)).total,
        "shipment_date": lambda _world, order: order.modified,
    },
    texts={
        "salesorder_number": lambda _world, order: order.number,
        "reference_number": lambda _world, order: order.reference,
        "customer_name": _order_customer,
        "customer_id": lambda world, order: world.merchant.zoho_id(1, order.sale.customer * 10),
    },
    row=documents.order_row,
    detail=documents.order_detail,
    table=lambda world: world.zoho_orders,
    status=_order_statuses,
)


def _invoice_day(world: World, invoice: Invoice) -> str:
    return zoho_date(invoice.created, world.merchant.timezone)


INVOICES = Entity(
    plural="invoices",
    singular="invoice",
    id_key="invoice_id",
    missing="Invoice does not exist.",
    report="Invoices",
    default_sort="created_time",
    sorts={
        "last_modified_time": lambda _world, invoice: invoice.modified,
        "created_time": lambda _world, invoice: invoice.created,
        "date": _invoice_day,
        "due_date": _invoice_day,
        "invoice_number": lambda _world, invoice: invoice.number,
        "customer_name": lambda world, invoice: _order_customer(world, invoice.order),
        "total": lambda world, invoice: total_up(world.content(invoice)).total,
        "balance": lambda _world, invoice: invoice.status != "paid",
    },
    texts={
        "invoice_number": lambda _world, invoice: invoice.number,
        "reference_number": lambda _world, invoice: invoice.reference,
        "customer_name": lambda world, invoice: _order_customer(world, invoice.order),
    },
    row=invoices.invoice_row,
    detail=invoices.invoice_detail,
    table=lambda world: world.invoices,
    status=lambda invoice: frozenset({invoice.status}),
)


def _contact_text(name: str) -> Callable[[World, Contact], str]:
    return lambda world, contact: str(parties.contact_row(world, contact)[name])


CONTACTS = Entity(
    plural="contacts",
    singular="contact",
    id_key="contact_id",
    missing="Contact does not exist.",
    report="Contacts",
    default_sort="contact_name",
    sorts={
        "last_modified_time": lambda _world, contact: contact.modified,
        "created_time": lambda _world, contact: contact.created,
        **{
            name: _contact_text(name)
            for name in ("contact_name", "first_name", "last_name", "email")
        },
    },
    texts={
        name: _contact_text(name)
        for name in (
            "contact_type", "contact_name", "company_name", "first_name", "last_name", "email",
            "phone",
        )
    },
    row=parties.contact_row,
    detail=parties.contact_detail,
    table=lambda world: world.contacts,
    status=lambda _contact: frozenset({"active"}),
)  # fmt: skip


def _package_text(name: str) -> Callable[[World, Package], str]:
    return lambda world, package: str(packages.package_row(world, package)[name])


PACKAGES = Entity(
    plural="packages",
    singular="package",
    id_key="package_id",
    missing="Package does not exist.",
    report="Packages",
    default_sort="created_time",
    sorts={
        "last_modified_time": lambda _world, package: package.modified,
        "created_time": lambda _world, package: package.created,
        **{
            name: _package_text(name)
            for name in (
                "date", "package_number", "salesorder_number", "tracking_number", "customer_name",
                "customer_id", "shipment_date", "quantity", "delivery_method",
            )
        },
    },
    texts={
        name: _package_text(name)
        for name in ("salesorder_number", "customer_name", "delivery_method", "customer_id")
    },
    row=packages.package_row,
    detail=packages.package_detail,
    table=lambda world: world.packages,
    status=lambda package: frozenset({package.status}),
    # As seen live (zoho.md 1.6).
    ignored=frozenset(
        {"last_modified_time", "package_number", "salesorder_id", "salesorder_number",
         "package_ids"}
    ),
)  # fmt: skip


PAYMENTS = Entity(
    plural="customerpayments",
    singular="payment",
    id_key="payment_id",
    missing="The Payment does not exist.",
    report="Customer Payments",
    default_sort="date",
    sorts={
        "last_modified_time": lambda _world, payment: payment.modified,
        "created_time": lambda _world, payment: payment.created,
        "date": lambda world, payment: zoho_date(payment.created, world.merchant.timezone),
    },
    texts={
        "reference_number": lambda _world, payment: payment.reference,
        "payment_mode": lambda _world, payment: payment.mode,
        "customer_name": lambda world, payment: _order_customer(world, payment.invoice.order),
    },
    row=payments.payment_row,
    detail=payments.payment_detail,
    table=lambda world: world.payments,
    status=lambda _payment: frozenset(),
    inside={"refunds": payments.payment_refunds},
)

CREDIT_NOTES = Entity(
    plural="creditnotes",
    singular="creditnote",
    id_key="creditnote_id",
    missing="Credit Note does not exist.",
    report="Credit Notes",
    default_sort="created_time",
    # Neither a filter nor a sorting by modified time is documented (refunds-and-returns 1.2).
    sorts={
        "created_time": lambda _world, note: note.created,
        "date": lambda world, note: zoho_date(note.created, world.merchant.timezone),
        "creditnote_number": lambda _world, note: note.number,
        "customer_name": lambda world, note: _order_customer(world, note.order),
        "total": credit_total,
        "balance": credit_balance,
    },
    texts={
        "creditnote_number": lambda _world, note: note.number,
        "reference_number": lambda _world, note: note.reference,
        "customer_name": lambda world, note: _order_customer(world, note.order),
    },
    row=aftersales.credit_row,
    detail=aftersales.credit_detail,
    table=lambda world: world.credit_notes,
    status=lambda note: frozenset({note.status}),
    inside={"refunds": aftersales.credit_refunds},
)

SALES_RETURNS = Entity(
    plural="salesreturns",
    singular="salesreturn",
    id_key="salesreturn_id",
    missing="Sales Return does not exist.",
    report="Sales Returns",
    default_sort="created_time",
    sorts={"created_time": lambda _world, goods: goods.created},
    texts={},
    row=aftersales.return_row,
    detail=aftersales.return_detail,
    table=lambda world: world.sales_returns,
    status=lambda _goods: frozenset(),
    ignored=frozenset({"last_modified_time", "status", "salesreturn_ids"}),
)


def _article_sorts() -> dict[str, Callable[[World, Any], Any]]:
    return {
        "last_modified_time": lambda _world, article: article.modified,
        "created_time": lambda _world, article: article.created,
        "name": lambda world, article: world.items[article.index].name,
    }


def _composites(world: World) -> Table[Article]:
    """The composite items among the items; a table of its own, which is small."""
    articles = world.erp_articles.by_id.values()
    return Table(
        Article(each.id, each.created, each.modified, each.index, each.sku, each.price_minor,
                each.levels, is_active=each.is_active)
        for each in articles
        if each.index in COMPOSITES
    )  # fmt: skip


ITEMS = Entity(
    plural="items",
    singular="item",
    id_key="item_id",
    missing="Item does not exist.",
    report="Items",
    default_sort="created_time",
    sorts=_article_sorts(),
    texts={"name": lambda world, article: world.items[article.index].name},
    row=items.item_row,
    detail=items.item_detail,
    table=lambda world: world.erp_articles,
    status=lambda article: frozenset({"active" if article.is_active else "inactive"}),
)

COMPOSITE_ITEMS = Entity(
    plural="compositeitems",
    singular="composite_item",
    id_key="composite_item_id",
    missing="Composite item does not exist.",
    report="Composite Items",
    default_sort="created_time",
    sorts=_article_sorts(),
    texts={},
    row=items.composite_row,
    detail=items.composite_detail,
    table=_composites,
    status=lambda article: frozenset({"active" if article.is_active else "inactive"}),
    ignored=frozenset({"last_modified_time"}),
    list_key="composite_items",
)

ENTITIES = {
    entity.plural: entity
    for entity in (
        ORDERS,
        INVOICES,
        CONTACTS,
        PACKAGES,
        PAYMENTS,
        CREDIT_NOTES,
        SALES_RETURNS,
        ITEMS,
        COMPOSITE_ITEMS,
    )
}
