"""Zoho documents: sales orders as list rows and as details, and the money in them."""

from typing import Any

from sandbox.merchants import Merchant
from sandbox.money import Amounts, Content, Line, Totals, total_up
from sandbox.parcels import carrier_of
from sandbox.store import Invoice, ZohoOrder
from sandbox.times import zoho_date, zoho_time
from sandbox.world import DAY, KIND_ITEM, World
from sandbox.zoho.parties import (
    address_block,
    amount,
    currency,
    order_persons,
    party,
    party_id,
    percentage,
)

JsonObject = dict[str, Any]

# order_status, invoiced_status, paid_status, shipped_status, status (zoho.md 1.10, Statuses)
STATUSES: dict[str, tuple[str, str, str, str, str]] = {
    "draft": ("draft", "", "", "", "draft"),
    "open": ("confirmed", "not_invoiced", "unpaid", "pending", "confirmed"),
    "paid": ("confirmed", "invoiced", "paid", "pending", "invoiced"),
    "partial": ("confirmed", "invoiced", "paid", "partially_shipped", "invoiced"),
    "done": ("closed", "invoiced", "paid", "fulfilled", "closed"),
    "canceled": ("void", "", "", "", "void"),
}


def order_row(world: World, order: ZohoOrder) -> JsonObject:
    """A row of ``GET /salesorders``: no lines, no addresses, no sub-total."""
    content = world.content(order)
    return _order_row(world, order, content, total_up(content))


def order_detail(world: World, order: ZohoOrder) -> JsonObject:
    """The answer of ``GET /salesorders/{id}`` below its key."""
    merchant, content = world.merchant, world.content(order)
    totals = total_up(content)
    customer = world.customer(order.sale.customer)
    persons = order_persons(merchant, customer, order)
    document = _order_row(world, order, content, totals)
    document |= money_block(merchant, content, totals)
    document |= {
        "contact_persons": [person["contact_person_id"] for person in persons],
        "contact_person_details": persons,
        "line_items": line_items(world, order, content, totals),
        "shipping_charge_tax_id": merchant.taxes[content.shipping_tax_index].tax_id,
        "billing_address": address_block(customer.address),
        "shipping_address": address_block(customer.address),
        "notes": content.note,
        "terms": "",
        "payments": [],
        "invoices": [_invoice_stub(merchant, order.invoice, totals.total)] if order.invoice else [],
        "packages": [],
        "refund_status": "",
        "documents": [],
        "salesperson_id": "",
        "custom_fields": [],
    }
    if order.sale.index % 8:
        # Sometimes missing on live orders (zoho.md 1.10).
        document["billing_address_id"] = party_id(merchant, customer, 2)
        document["shipping_address_id"] = party_id(merchant, customer, 3)
    return document


def _order_row(world: World, order: ZohoOrder, content: Content, totals: Totals) -> JsonObject:
    merchant, zone = world.merchant, world.merchant.timezone
    customer = world.customer(order.sale.customer)
    order_status, invoiced, paid, shipped, status = STATUSES[order.stage]
    total = amount(totals.total)
    quantity = float(sum(line.quantity for line in content.lines))
    is_open = invoiced in {"", "not_invoiced"}
    return {
        "salesorder_id": order.id,
        **party(merchant, customer, order),
        "delivery_date": "",
        "salesorder_number": order.number,
        "reference_number": order.reference,
        "date": zoho_date(order.sale.created, zone),
        "shipment_date": zoho_date(order.modified, zone) if shipped == "fulfilled" else "",
        **currency(merchant),
        "total": total,
        "bcy_total": total,
        "balance": total if is_open else 0.0,
        "total_invoiced_amount": 0.0 if is_open else total,
        "created_time": zoho_time(order.created, zone),
        "last_modified_time": zoho_time(order.modified, zone),
        "is_emailed": False,
        "quantity": quantity,
        "quantity_invoiced": 0.0 if is_open else quantity,
        "quantity_packed": quantity if shipped == "fulfilled" else 0.0,
        "quantity_shipped": quantity if shipped == "fulfilled" else 0.0,
        "source": "Api" if order.twin else "Client",
        "order_status": order_status,
        "current_sub_status": order_status,
        "invoiced_status": invoiced,
        "paid_status": paid,
        "shipped_status": shipped,
        "status": status,
        "is_drop_shipment": False,
        "is_backorder": False,
        "is_manually_fulfilled": False,
        "sales_channel": "direct_sales",
        "salesperson_name": "",
        "has_attachment": False,
        "delivery_method": carrier_of(order.sale) if content.shipping_minor else "",
        "delivery_method_id": merchant.zoho_id(8, 1) if content.shipping_minor else "",
    }


def money_block(merchant: Merchant, content: Content, totals: Totals) -> JsonObject:
    """Discounts, shipping and totals, as orders and invoices show them."""
    shipping_gross = totals.shipping_net + totals.shipping_tax
    tax = merchant.taxes[content.shipping_tax_index]
    shipping_rate = shipping_gross if content.is_inclusive else totals.shipping_net
    return {
        "is_inclusive_tax": content.is_inclusive,
        "exchange_rate": 1.0,
        "currency_symbol": {"EUR": "€", "USD": "$"}[merchant.currency],
        "price_precision": 2,
        "discount": amount(content.discount_minor),
        "discount_amount": amount(content.discount_minor),
        "discount_type": "entity_level" if content.discount_minor else "item_level",
        "is_discount_before_tax": True,
        "shipping_charge": amount(content.shipping_minor),
        "shipping_charge_tax_percentage": percentage(tax.rate_bp) if shipping_gross else "",
        "shipping_charges": {
            "description": "",
            "rate": amount(shipping_rate),
            "bcy_rate": amount(shipping_rate),
            "tax_id": tax.tax_id,
            "tax_name": tax.name,
            "tax_type": "tax",
            "tax_percentage": percentage(tax.rate_bp),
            "tax_total_fcy": amount(totals.shipping_tax),
            "item_total": amount(totals.shipping_net),
        },
        "adjustment": amount(content.adjustment_minor),
        "adjustment_description": "Rounding" if content.adjustment_minor else "",
        "sub_total": amount(totals.sub_total),
        "tax_total": amount(totals.tax_total),
        "total": amount(totals.total),
        "taxes": [
            {
                "tax_name": f"{merchant.taxes[i].name} ({percentage(merchant.taxes[i].rate_bp)}%)",
                "tax_amount": amount(value),
            }
            for i, value in sorted(totals.by_tax.items())
        ],
    }


def line_items(
    world: World, order: ZohoOrder, content: Content, totals: Totals
) -> list[JsonObject]:
    """The lines of an order or of its invoice."""
    pairs = zip(content.lines, totals.lines, strict=True)
    documents = []
    for index, (line, amounts) in enumerate(pairs):
        document = _line(world, order, index, line, amounts)
        if content.is_inclusive:
            own_gross = line.rate_minor * line.quantity - line.discount_minor
            document["item_total_inclusive_of_tax"] = amount(own_gross)
        documents.append(document)
    return documents


def _line(world: World, order: ZohoOrder, index: int, line: Line, amounts: Amounts) -> JsonObject:
    item, tax = world.items[line.item], world.merchant.taxes[line.tax_index]
    is_open = STATUSES[order.stage][1] in {"", "not_invoiced"}
    document: JsonObject = {
        "line_item_id": str(int(order.id) + index + 1),
        "item_id": world.merchant.zoho_id(KIND_ITEM, item.index * 10),
        "sku": item.sku,
        "name": f"{item.name} - {item.form}",
        "description": "",
        "item_order": index,
        "rate": amount(line.rate_minor),
        "bcy_rate": amount(line.rate_minor),
        "quantity": float(line.quantity),
        "quantity_invoiced": 0.0 if is_open else float(line.quantity),
        "quantity_packed": 0.0,
        "quantity_shipped": 0.0,
        "unit": "pcs",
        "tax_id": tax.tax_id,
        "tax_name": tax.name,
        "tax_type": "tax",
        "tax_percentage": percentage(tax.rate_bp),
        "discount": _discount(line),
        "item_sub_total": amount(amounts.list_net),
        "item_total": amount(amounts.own_net),
        "is_invoiced": not is_open,
        "warehouse_id": world.merchant.zoho_id(7, 1),
        "is_combo_product": False,
        "mapped_items": [],
        "item_custom_fields": [],
        "tags": [],
    }
    if line.discount_minor:
        document["discount_amount"] = amount(amounts.discount_net)
    return document


def _discount(line: Line) -> float | str:
    return f"{line.discount_percent}.00%" if line.discount_percent else amount(line.discount_minor)


def _invoice_stub(merchant: Merchant, invoice: Invoice, total: int) -> JsonObject:
    return {
        "invoice_id": invoice.id,
        "invoice_number": invoice.number,
        "reference_number": invoice.reference,
        "status": invoice.status,
        "date": zoho_date(invoice.created, merchant.timezone),
        "due_date": zoho_date(invoice.created + 14 * DAY, merchant.timezone),
        "total": amount(total),
        "balance": 0.0 if invoice.status == "paid" else amount(total),
    }
