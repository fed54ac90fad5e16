"""Zoho documents: credit notes with their refunds, and sales returns with their receives."""

from typing import Any

from sandbox.aftersales import credit_amounts, credit_balance, credit_total
from sandbox.store import BookedRefund, CreditNote, Receive, SalesReturn
from sandbox.times import zoho_date, zoho_time
from sandbox.world import KIND_ITEM, World
from sandbox.zoho.parties import address_block, amount, currency, party, percentage

JsonObject = dict[str, Any]


def credit_row(world: World, note: CreditNote) -> JsonObject:
    """A row of ``GET /creditnotes``: no lines, no invoices (refunds-and-returns 1.2)."""
    zone = world.merchant.timezone
    who = party(world.merchant, world.customer(note.order.sale.customer), note.order)
    return {
        "creditnote_id": note.id,
        "creditnote_number": note.number,
        "status": note.status,
        "reference_number": note.reference,
        "date": zoho_date(note.created, zone),
        "total": amount(credit_total(world, note)),
        "balance": amount(credit_balance(world, note)),
        "customer_id": who["customer_id"],
        "customer_name": who["customer_name"],
        **currency(world.merchant),
        "created_time": zoho_time(note.created, zone),
        "last_modified_time": zoho_time(note.modified, zone),
        "is_emailed": False,
    }


def credit_detail(world: World, note: CreditNote) -> JsonObject:
    """The answer of ``GET /creditnotes/{id}`` below its key; ``updated_time`` it is there."""
    row = credit_row(world, note)
    row["updated_time"] = row.pop("last_modified_time")
    customer = world.customer(note.order.sale.customer)
    amounts = credit_amounts(world, note)
    return {
        **row,
        "email": "" if note.order.is_email_hidden else customer.email,
        "is_inclusive_tax": False,
        "exchange_rate": 1.0,
        "line_items": _lines(world, note, amounts),
        "invoices": [
            {
                "invoice_id": invoice_id,
                "invoice_number": world.invoices.by_id[invoice_id].number,
                "amount": amount(value),
            }
            for invoice_id, value in note.applied.items()
        ],
        "taxes": [
            {"tax_id": "", "tax_name": f"({percentage(rate)}%)", "tax_amount": f"{tax / 100:.2f}"}
            for _, tax, rate in amounts
        ],
        "billing_address": address_block(customer.address),
        "shipping_address": address_block(customer.address),
        "notes": "",
        "terms": "",
        "custom_fields": [],
    }


def _lines(world: World, note: CreditNote, amounts: list[tuple[int, int, int]]) -> list[JsonObject]:
    content = world.content(note.order)
    rows = []
    for index, (line, (net, tax, rate)) in enumerate(zip(note.lines, amounts, strict=True)):
        item = world.items[content.lines[line.index].item]
        rows.append(
            {
                "line_item_id": str(int(note.id) * 100 + index),
                "item_id": world.merchant.zoho_id(KIND_ITEM, item.index * 10),
                "name": f"{item.name} - {item.form}",
                "code": item.sku,
                "type": 1,
                "product_type": "goods",
                "quantity": float(line.quantity),
                "rate": round(net / line.quantity / 100, 6),
                "item_total": amount(net),
                "item_total_inclusive_of_tax": amount(net + tax),
                "tax_percentage": percentage(rate),
                # Zoho does not always tell it (refunds-and-returns 1.2).
                **({"invoice_id": note.invoice.id} if note.invoice and note.order.sale.index % 2
                   else {}),
            }
        )  # fmt: skip
    return rows


def credit_refunds(world: World, note: CreditNote) -> JsonObject:
    """The answer of ``GET /creditnotes/{id}/refunds``."""
    return {"creditnote_refunds": [_refund(world, note, refund) for refund in note.refunds]}


def _refund(world: World, note: CreditNote, refund: BookedRefund) -> JsonObject:
    customer = world.customer(note.order.sale.customer)
    return {
        "creditnote_refund_id": refund.id,
        "creditnote_id": note.id,
        "creditnote_number": note.number,
        "date": zoho_date(refund.at, world.merchant.timezone),
        "refund_mode": refund.mode,
        "payment_form": "",
        "reference_number": refund.reference,
        "customer_name": customer.display_name,
        "description": "",
        "amount_bcy": amount(refund.amount_minor),
        "amount_fcy": amount(refund.amount_minor),
    }


def return_row(world: World, goods: SalesReturn) -> JsonObject:
    """A row of ``GET /salesreturns``: no created and no modified time (1.5)."""
    customer = world.customer(goods.order.sale.customer)
    refunded = sum(each.amount_minor for note in goods.credit_notes for each in note.refunds)
    return {
        "salesreturn_id": goods.id,
        "salesreturn_number": goods.number,
        "date": zoho_date(goods.created, world.merchant.timezone),
        "salesorder_id": goods.order.id,
        "salesorder_number": goods.order.number,
        "customer_id": party(world.merchant, customer, goods.order)["customer_id"],
        "customer_name": customer.display_name,
        **_statuses(goods),
        "quantity": float(sum(sum(pair) for pair in goods.lines.values())),
        "refunded_amount": amount(refunded),
        "custom_fields": [],
    }


def return_detail(world: World, goods: SalesReturn) -> JsonObject:
    """The answer of ``GET /salesreturns/{id}`` below its key."""
    zone = world.merchant.timezone
    content = world.content(goods.order)
    items = {index: world.items[content.lines[index].item] for index in goods.lines}
    return {
        "salesreturn_id": goods.id,
        "salesreturn_number": goods.number,
        "date": zoho_date(goods.created, zone),
        "reason": goods.reason,
        "salesorder_id": goods.order.id,
        "salesorder_number": goods.order.number,
        **_statuses(goods),
        "line_items": [
            {
                "line_item_id": str(int(goods.id) + index),
                "item_id": world.merchant.zoho_id(KIND_ITEM, items[index].index * 10),
                "salesorder_item_id": str(int(goods.order.id) + index + 1),
                "sku": items[index].sku,
                "name": f"{items[index].name} - {items[index].form}",
                "unit": "pcs",
                "quantity": quantity,
                "non_receive_quantity": credit_only,
            }
            for index, (quantity, credit_only) in goods.lines.items()
        ],
        "salesreturnreceives": [_receive(world, goods, each) for each in goods.receives],
        "creditnotes": [
            {
                "creditnote_id": note.id,
                "creditnote_number": note.number,
                "status": note.status,
                "date": zoho_date(note.created, zone),
                "total": amount(credit_total(world, note)),
            }
            for note in goods.credit_notes
        ],
        "comments": [],
        "custom_fields": [],
    }


def _receive(world: World, goods: SalesReturn, receive: Receive) -> JsonObject:
    content = world.content(goods.order)
    return {
        "receive_id": receive.id,
        "receive_number": receive.number,
        "date": zoho_date(receive.at, world.merchant.timezone),
        "notes": "",
        "line_items": [
            {
                # Every other receive has line ids of its own (1.5).
                "line_item_id": str(
                    int(receive.id if int(receive.id) // 100 % 2 else goods.id) + index
                ),
                "item_id": world.merchant.zoho_id(
                    KIND_ITEM, world.items[content.lines[index].item].index * 10
                ),
                "quantity": quantity,
            }
            for index, quantity in receive.lines.items()
        ],
    }


def _statuses(goods: SalesReturn) -> JsonObject:
    due = sum(quantity for quantity, _ in goods.lines.values())
    came = sum(sum(receive.lines.values()) for receive in goods.receives)
    received = "received" if due and came >= due else "partially_received" if came else ""
    is_refunded = any(note.refunds for note in goods.credit_notes)
    return {
        "salesreturn_status": goods.status,
        "receive_status": received,
        "refund_status": "refunded" if is_refunded else "",
    }
