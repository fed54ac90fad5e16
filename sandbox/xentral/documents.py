"""Documents of Xentral's REST v1, made from the orders and parcels that the other systems know.

Types are those of the database columns: flags 0 and 1, decimals as text, days without zone, and a
project that is text on documents and a number elsewhere (xentral.md 4.5).
"""

from collections.abc import Iterator
from typing import Any

from sandbox.money import Content, Line
from sandbox.parcels import parcel_lines
from sandbox.store import Package, ZohoOrder
from sandbox.times import zoho_date
from sandbox.world import World

JsonObject = dict[str, Any]

PROJECT = 2
FIRST_ARTICLE = 10_001
FIRST_TYPED = 900_001
NO_DAY = "0000-00-00"
ORDER_STAGES = {"paid": "freigegeben", "partial": "abgeschlossen", "done": "abgeschlossen"}
METHODS = ("DHL", "DPD", "express_dpd", "export_dpd", "gls", "keinversand", "wapo_3")


def articles(world: World) -> Iterator[JsonObject]:
    """Artikel: one for each thing for sale."""
    for item in world.items:
        yield {
            "id": FIRST_ARTICLE + item.index,
            "typ": "3_kat",
            "nummer": item.sku,
            "projekt": PROJECT,
            "inaktiv": "",
            "name_de": f"{item.name} {item.form}",
            "name_en": "",
            "herstellernummer": item.sku,
            "ean": f"4{item.index:012d}",
            "gewicht": "0.5" if item.index % 2 else "0,5 kg",
            "herkunftsland": "DE",
            "zolltarifnummer": "73269098",
            "lagerartikel": 1,
            "stueckliste": 0,
            "juststueckliste": 0,
            "geloescht": 0,
            "laenge": "10.00",
            "cache_lagerplatzinhaltmenge": item.index % 7,
            "logdatei": "0000-00-00 00:00:00",
        }


def orders(world: World) -> Iterator[JsonObject]:
    """Auftraege: one for each order that was paid, and those typed by hand."""
    for order in world.zoho_orders.by_id.values():
        if order.stage in ORDER_STAGES:
            yield _order(world, order)
    for place, number in enumerate(world.depot.typed):
        row_id = FIRST_TYPED + place
        yield _head(world, row_id, world.depot.numbers.get(row_id, number)) | {
            "belegnr": f"2999{place:02d}",
            "status": "freigegeben",
            "datum": zoho_date(world.now, world.merchant.timezone),
            "positionen": [],
        }


def notes(world: World) -> Iterator[JsonObject]:
    """Lieferscheine: one for each parcel; it has no number before it is released."""
    for package in world.packages.by_id.values():
        yield _note(world, package)


def labels(world: World) -> Iterator[JsonObject]:
    """Rows of ``versand``: the parcels that were given to a carrier, and further labels."""
    by_note = {note_id(package): package for package in world.packages.by_id.values()}
    for key, package in by_note.items():
        if package.tracking:
            yield _label(world, package, key * 10, package.tracking)
    for place, label in enumerate(world.depot.labels):
        yield _label(world, by_note[label.note], label.note * 10 + 1 + place, label.tracking) | {
            "retoure": int(label.is_return)
        }


def methods(world: World) -> Iterator[JsonObject]:
    """Versandarten: codes are free text of each installation."""
    del world
    for place, code in enumerate(METHODS, start=1):
        yield {
            "id": place,
            "type": code,
            "bezeichnung": code.replace("_", " ").title(),
            "aktiv": 1,
            "projekt": 0,
            "modul": "",
        }


def order_id(order: ZohoOrder) -> int:
    """The id of an order's Auftrag."""
    return order.sale.index + 1001


def note_id(package: Package) -> int:
    """The id of a parcel's Lieferschein."""
    return package.order.sale.index * 10 + package.position


def order_number(world: World, order: ZohoOrder) -> str:
    """What the merchant calls an order: the shop's number behind its prefix, else the ERP's."""
    shop = order.twin
    return f"{world.merchant.prefix}-{shop.number}" if shop is not None else order.number


def _order(world: World, order: ZohoOrder) -> JsonObject:
    row_id, content = order_id(order), world.content(order)
    number = world.depot.numbers.get(row_id, order_number(world, order))
    return _head(world, row_id, number) | {
        "belegnr": _document_number(row_id),
        "status": ORDER_STAGES[order.stage],
        "datum": zoho_date(order.created, world.merchant.timezone),
        "kundennummer": str(10_000 + order.sale.customer),
        "name": world.customer(order.sale.customer).display_name,
        "positionen": [
            {
                "id": row_id * 100 + index,
                "auftrag": row_id,
                **_position(world, line),
                "preis": f"{line.rate_minor / 100:.8f}",
                "geliefert": int(order.stage == "done"),
            }
            for index, line in enumerate(content.lines)
        ],
    }


def _head(world: World, row_id: int, number: str) -> JsonObject:
    return {
        "id": row_id,
        "projekt": str(PROJECT),
        "internet": number,
        "ihrebestellnummer": "",
        "kundennummer": "10000",
        "name": "",
        "land": world.merchant.country,
        "versandart": "DPD",
        "lieferdatum": NO_DAY,
        "teillieferungvon": 0,
        "teillieferungnummer": 0,
        "versendet": 0,
        "waehrung": world.merchant.currency,
        "gesamtsumme": "0.00",
        "versendet_am": "0000-00-00 00:00:00",
    }


def _note(world: World, package: Package) -> JsonObject:
    row_id, order = note_id(package), package.order
    is_shipped = package.shipped is not None
    status = "versendet" if is_shipped else "angelegt"
    zone = world.merchant.timezone
    return {
        "id": row_id,
        "projekt": str(PROJECT),
        "belegnr": _note_number(package),
        "status": "storniert" if row_id in world.depot.canceled else status,
        "auftrag": _document_number(order_id(order)),
        "auftragid": order_id(order),
        "kundennummer": str(10_000 + order.sale.customer),
        "name": world.customer(order.sale.customer).display_name,
        "versandart": "DPD",
        "versendet": int(is_shipped),
        "datum": zoho_date(package.created, zone),
        "versendet_am": (
            f"{zoho_date(package.shipped, zone)} 12:00:00"
            if package.shipped is not None
            else "0000-00-00 00:00:00"
        ),
        "positionen": [
            {"id": row_id * 100 + index, **_position(world, line)}
            for index, line in _lines(world.content(package), package)
        ],
    }


def _label(world: World, package: Package, row_id: int, tracking: str) -> JsonObject:
    shipped = package.shipped or package.created
    return {
        "id": row_id,
        "tracking": tracking,
        "adresse": package.order.sale.customer + 1,
        "internet": order_number(world, package.order),
        "auftrag": _document_number(order_id(package.order)),
        "lieferschein": _note_number(package),
        "projekt": PROJECT,
        "versandart": "DPD",
        "land": world.merchant.country,
        "gewicht": "1.4",
        "abgeschlossen": 1,
        "versendet_am": zoho_date(shipped, world.merchant.timezone),
        "anzahlpakete": 1,
        "retoure": 0,
        "klaergrund": "",
    }


def _lines(content: Content, package: Package) -> list[tuple[int, Line]]:
    chosen = parcel_lines(content, package.position, takes_rest=package.takes_rest)
    return [(index, content.lines[index]) for index in chosen]


def _position(world: World, line: Line) -> JsonObject:
    item = world.items[line.item]
    return {
        "artikel": FIRST_ARTICLE + item.index,
        "projekt": PROJECT,
        "nummer": item.sku,
        "bezeichnung": f"{item.name} {item.form}",
        "menge": f"{line.quantity:.4f}",
    }


def _document_number(row_id: int) -> str:
    return str(200_000 + row_id)


def _note_number(package: Package) -> str:
    return str(300_000 + note_id(package)) if package.shipped is not None else ""
