"""Zoho documents: packages as list rows and as details with their shipment order."""

from typing import Any

from sandbox.money import Line
from sandbox.parcels import carrier_of, parcel_lines
from sandbox.store import Package
from sandbox.times import zoho_date, zoho_time
from sandbox.world import KIND_ITEM, KIND_SHIPMENT, World
from sandbox.zoho.parties import address_block, party_id

JsonObject = dict[str, Any]


def package_row(world: World, package: Package) -> JsonObject:
    """A row of ``GET /packages``: no lines, no carrier, the quantity as text (zoho.md 1.12)."""
    order, zone = package.order, world.merchant.timezone
    customer = world.customer(order.sale.customer)
    quantity = sum(line.quantity for _, line in _lines(world, package))
    return {
        "package_id": package.id,
        "salesorder_id": order.id,
        "shipment_id": _shipment_id(world, package),
        "customer_id": party_id(world.merchant, customer, 0),
        "customer_name": customer.display_name,
        "status": package.status,
        "package_number": package.number,
        "tracking_number": package.tracking,
        "is_tracking_enabled": bool(package.tracking),
        "shipment_type": "single_piece_shipment",
        "shipping_charge": "",
        "date": zoho_date(package.created, zone),
        "quantity": f"{quantity:.6f}",
        "salesorder_number": package.order_number,
        "created_time": zoho_time(package.created, zone),
        "delivery_method": carrier_of(order.sale) if package.shipped else "",
        "last_modified_time": zoho_time(package.modified, zone),
        "shipment_date": _day(package.shipped, zone),
        "is_carrier_shipment": False,
        "label_format": "PDF",
        "associated_packages_count": 1 if package.shipped else 0,
        "is_direct_integration": False,
    }


def package_detail(world: World, package: Package) -> JsonObject:
    """The answer of ``GET /packages/{id}`` below its key."""
    order = package.order
    customer = world.customer(order.sale.customer)
    lines = _lines(world, package)
    return {
        **package_row(world, package),
        "line_items": [
            {
                "line_item_id": str(int(package.id) * 100 + index),
                "so_line_item_id": str(int(order.id) + index + 1),
                "item_id": world.merchant.zoho_id(KIND_ITEM, world.items[line.item].index * 10),
                "sku": world.items[line.item].sku,
                "name": f"{world.items[line.item].name} - {world.items[line.item].form}",
                "description": "",
                "item_order": index,
                "quantity": float(line.quantity),
                "unit": "pcs",
                "is_invoiced": order.invoice is not None,
                "warehouse_id": world.merchant.zoho_id(7, 1),
                "is_combo_product": False,
                "mapped_items": [],
            }
            for index, line in lines
        ],
        "total_quantity": float(sum(line.quantity for _, line in lines)),
        "detailed_status": "",
        "status_message": "",
        "carrier": carrier_of(order.sale) if package.shipped else "",
        "service": "",
        "shipment_order": _shipment(world, package),
        "notes": "",
        "custom_fields": [],
        "billing_address": address_block(customer.address),
        "shipping_address": address_block(customer.address),
        "contact_persons": [party_id(world.merchant, customer, 1)] if customer.has_person else [],
    }


def _shipment(world: World, package: Package) -> JsonObject:
    """The shipment order of a package; empty before it is shipped."""
    if not package.shipped:
        return {}
    zone, carrier = world.merchant.timezone, carrier_of(package.order.sale)
    return {
        "shipment_id": _shipment_id(world, package),
        "shipment_number": f"SHP-{package.number.removeprefix('PKG-')}",
        "date": _day(package.shipped, zone),
        "shipment_date": _day(package.shipped, zone),
        "delivery_date": _day(package.delivered, zone),
        "delivery_method": carrier,
        "carrier": carrier,
        "service": "",
        "tracking_number": package.tracking,
        "tracking_link": "",
        "tracking_url": "",
        "aftership_carrier_code": carrier.lower(),
        "status": package.status,
        "associated_packages_count": 1,
        "created_time": zoho_time(package.shipped, zone),
        "last_modified_time": zoho_time(package.modified, zone),
    }


def _lines(world: World, package: Package) -> list[tuple[int, Line]]:
    """The lines in a package with their places in the order."""
    content = world.content(package)
    chosen = parcel_lines(content, package.position, takes_rest=package.takes_rest)
    return [(index, content.lines[index]) for index in chosen]


def _shipment_id(world: World, package: Package) -> str:
    counter = package.order.sale.index * 10 + package.position
    return world.merchant.zoho_id(KIND_SHIPMENT, counter) if package.shipped else ""


def _day(at: int | None, zone: str) -> str:
    return zoho_date(at, zone) if at else ""
