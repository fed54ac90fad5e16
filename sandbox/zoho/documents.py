"""Zoho documents: sales orders, invoices and contacts as list rows and as details."""

from typing import Any

from sandbox.merchants import Merchant
from sandbox.money import Amounts, Content, Line, Totals, total_up
from sandbox.people import COUNTRY_NAMES, Address, Customer
from sandbox.store import Contact, Invoice, ZohoOrder
from sandbox.times import zoho_date, zoho_time
from sandbox.world import KIND_CONTACT, KIND_ITEM, World

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


def amount(minor: int) -> float:
    """Minor units as the JSON number Zoho prints."""
    return minor / 100


def order_row(world: World, order: ZohoOrder) -> JsonObject:
    """A row of ``GET /salesorders``: no lines, no addresses, no sub-total."""
    content = world.content(order)
    return _order_row(world, order, content, total_up(content))


def order_detail(world: World, order: ZohoOrder) -> JsonObject:
    """The answer of ``GET /salesorders/{id}`` below its key."""
    merchant, content = world.merchant, world.content(order)
    totals = total_up(content)
    customer = world.customer(order.sale.customer)
    document = _order_row(world, order, content, totals)
    document |= _money(merchant, content, totals)
    document |= {
        "contact_persons": [_contact_id(merchant, customer, 1)],
        "contact_person_details": [_person(merchant, customer, order)],
        "line_items": _lines(world, order, content, totals),
        "shipping_charge_tax_id": merchant.taxes[content.shipping_tax_index].tax_id,
        "billing_address": _address(customer.address),
        "shipping_address": _address(customer.address),
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
        document["billing_address_id"] = _contact_id(merchant, customer, 2)
        document["shipping_address_id"] = _contact_id(merchant, customer, 3)
    return document


def invoice_row(world: World, invoice: Invoice) -> JsonObject:
    """A row of ``GET /invoices``."""
    order, zone = invoice.order, world.merchant.timezone
    content = world.content(invoice)
    totals = total_up(content)
    customer = world.customer(order.sale.customer)
    balance = 0 if invoice.status in {"paid", "void"} else totals.total
    return {
        "invoice_id": invoice.id,
        "ach_payment_initiated": False,
        **_party(world.merchant, customer, order),
        "status": invoice.status,
        "invoice_number": invoice.number,
        "reference_number": invoice.reference,
        "date": zoho_date(invoice.created, zone),
        "due_date": zoho_date(invoice.created + 14 * 86_400_000_000, zone),
        "due_days": "",
        **_currency(world.merchant),
        "billing_address": _address(customer.address),
        "shipping_address": _address(customer.address),
        "country": COUNTRY_NAMES[customer.address.country],
        "total": amount(totals.total),
        "balance": amount(balance),
        "created_time": zoho_time(invoice.created, zone),
        "last_modified_time": zoho_time(invoice.modified, zone),
        "is_emailed": True,
        "is_viewed_by_client": False,
        "has_attachment": False,
        "last_payment_date": "" if balance else zoho_date(invoice.modified, zone),
        "shipping_charge": amount(content.shipping_minor),
        "adjustment": amount(content.adjustment_minor),
        "write_off_amount": 0.0,
        "exchange_rate": 1.0,
        "custom_fields": [],
    }


def invoice_detail(world: World, invoice: Invoice) -> JsonObject:
    """The answer of ``GET /invoices/{id}`` below its key."""
    content = world.content(invoice)
    totals = total_up(content)
    row = invoice_row(world, invoice)
    stub = {
        "salesorder_id": invoice.order.id,
        "salesorder_number": invoice.order.number,
    }
    return {
        **row,
        **_money(world.merchant, content, totals),
        "line_items": _lines(world, invoice.order, content, totals),
        "payment_made": round(row["total"] - row["balance"], 2),
        "credits_applied": 0.0,
        **stub,
        "salesorders": [stub],
        "allow_partial_payments": False,
    }


def contact_row(world: World, contact: Contact) -> JsonObject:
    """A row of ``GET /contacts``: name, e-mail and phone are the primary person's."""
    customer, zone = world.customer(contact.customer), world.merchant.timezone
    phone = customer.address.phone if contact.phone is None else contact.phone
    return {
        "contact_id": contact.id,
        "contact_name": customer.display_name,
        "customer_name": customer.display_name,
        "company_name": customer.company,
        "website": "",
        "language_code": world.merchant.language,
        "contact_type": "vendor" if customer.is_vendor else "customer",
        "status": "active",
        "customer_sub_type": "business" if customer.company else "individual",
        "source": "api",
        "is_linked_with_zohocrm": False,
        "payment_terms": 14,
        "payment_terms_label": "Net 14",
        **_currency(world.merchant),
        "outstanding_receivable_amount": 0.0,
        "unused_credits_receivable_amount": 0.0,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone": phone,
        "mobile": "",
        "is_portal_enabled": False,
        "portal_status": "disabled",
        "created_time": zoho_time(contact.created, zone),
        "last_modified_time": zoho_time(contact.modified, zone),
        "custom_fields": [],
        "ach_supported": False,
        "has_attachment": False,
    }


def contact_detail(world: World, contact: Contact) -> JsonObject:
    """The answer of ``GET /contacts/{id}`` below its key."""
    customer = world.customer(contact.customer)
    address = _address(customer.address)
    row = contact_row(world, contact)
    person = _contact_person(world.merchant, customer, customer.email) | {
        "phone": row["phone"],
        "salutation": "",
        "designation": "",
        "department": "",
        "is_primary_contact": True,
        "is_added_in_portal": False,
    }
    return {
        **row,
        "contact_persons": [person],
        "primary_contact_id": person["contact_person_id"],
        "addresses": [],
        "billing_address": {"address_id": _contact_id(world.merchant, customer, 2), **address},
        "shipping_address": {"address_id": _contact_id(world.merchant, customer, 3), **address},
        "credit_limit": 0.0,
        "contact_number": f"CUS-{customer.index:05d}",
        "notes": "",
    }


def tax_rows(merchant: Merchant) -> list[JsonObject]:
    """The rows of ``GET /settings/taxes``."""
    return [
        {
            "tax_id": tax.tax_id,
            "tax_name": tax.name,
            "tax_percentage": _percentage(tax.rate_bp),
            "tax_type": "tax",
            "tax_specific_type": "",
            "output_tax_account_name": "Tax Payable",
            "purchase_tax_account_name": "Tax Receivable",
            "is_value_added": True,
            "is_default_tax": index == 0,
            "is_editable": True,
            "tax_factor": "rate",
        }
        for index, tax in enumerate(merchant.taxes)
    ]


def organization(merchant: Merchant) -> JsonObject:
    """The one row of ``GET /organizations``."""
    return {
        "organization_id": merchant.organization_id,
        "name": merchant.title,
        "contact_name": "Office",
        "email": f"office@{merchant.name}.example",
        "is_default_org": True,
        "plan_name": "PROFESSIONAL",
        "language_code": merchant.language,
        "fiscal_year_start_month": 0,
        "account_created_date": "2019-05-02",
        "time_zone": merchant.timezone,
        "is_org_active": True,
        "price_precision": 2,
        **_currency(merchant),
        "currency_format": "###,##0.00",
    }


def _order_row(world: World, order: ZohoOrder, content: Content, totals: Totals) -> JsonObject:
    merchant, zone = world.merchant, world.merchant.timezone
    customer = world.customer(order.sale.customer)
    order_status, invoiced, paid, shipped, status = STATUSES[order.stage]
    total = amount(totals.total)
    quantity = float(sum(line.quantity for line in content.lines))
    is_open = invoiced in {"", "not_invoiced"}
    return {
        "salesorder_id": order.id,
        **_party(merchant, customer, order),
        "delivery_date": "",
        "salesorder_number": order.number,
        "reference_number": order.reference,
        "date": zoho_date(order.sale.created, zone),
        "shipment_date": zoho_date(order.modified, zone) if shipped == "fulfilled" else "",
        **_currency(merchant),
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
        "delivery_method": "DPD" if content.shipping_minor else "",
        "delivery_method_id": merchant.zoho_id(8, 1) if content.shipping_minor else "",
    }


def _money(merchant: Merchant, content: Content, totals: Totals) -> JsonObject:
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
        "shipping_charge_tax_percentage": _percentage(tax.rate_bp) if shipping_gross else "",
        "shipping_charges": {
            "description": "",
            "rate": amount(shipping_rate),
            "bcy_rate": amount(shipping_rate),
            "tax_id": tax.tax_id,
            "tax_name": tax.name,
            "tax_type": "tax",
            "tax_percentage": _percentage(tax.rate_bp),
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
                "tax_name": f"{merchant.taxes[i].name} ({_percentage(merchant.taxes[i].rate_bp)}%)",
                "tax_amount": amount(value),
            }
            for i, value in sorted(totals.by_tax.items())
        ],
    }


def _lines(world: World, order: ZohoOrder, content: Content, totals: Totals) -> list[JsonObject]:
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
        "tax_percentage": _percentage(tax.rate_bp),
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


def _party(merchant: Merchant, customer: Customer, order: ZohoOrder) -> JsonObject:
    return {
        "customer_name": customer.display_name,
        "customer_id": _contact_id(merchant, customer, 0),
        "email": "" if order.is_email_hidden else customer.email,
        "company_name": customer.company,
    }


def _person(merchant: Merchant, customer: Customer, order: ZohoOrder) -> JsonObject:
    return _contact_person(merchant, customer, "" if order.is_email_hidden else customer.email)


def _contact_person(merchant: Merchant, customer: Customer, email: str) -> JsonObject:
    return {
        "contact_person_id": _contact_id(merchant, customer, 1),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": email,
        "phone": customer.address.phone,
        "mobile": "",
    }


def _contact_id(merchant: Merchant, customer: Customer, offset: int) -> str:
    return merchant.zoho_id(KIND_CONTACT, customer.index * 10 + offset)


def _invoice_stub(merchant: Merchant, invoice: Invoice, total: int) -> JsonObject:
    return {
        "invoice_id": invoice.id,
        "invoice_number": invoice.number,
        "reference_number": invoice.reference,
        "status": invoice.status,
        "date": zoho_date(invoice.created, merchant.timezone),
        "due_date": zoho_date(invoice.created + 14 * 86_400_000_000, merchant.timezone),
        "total": amount(total),
        "balance": 0.0 if invoice.status == "paid" else amount(total),
    }


def _currency(merchant: Merchant) -> JsonObject:
    return {"currency_id": merchant.zoho_id(5, 71), "currency_code": merchant.currency}


def _address(address: Address) -> JsonObject:
    document = {
        "attention": address.name,
        "address": address.street,
        "street2": address.street2,
        "city": address.city,
        "state": address.state,
        "zip": address.zip,
        "country": COUNTRY_NAMES[address.country],
        "phone": address.phone,
        "fax": "",
    }
    if not address.street2:
        # Not always present (zoho.md 1.8).
        document["country_code"] = address.country
    return document


def _percentage(rate_bp: int) -> float | int:
    return rate_bp // 100 if rate_bp % 100 == 0 else rate_bp / 100
