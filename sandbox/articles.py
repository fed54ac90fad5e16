"""Articles: what the merchant sells, as the ERP and the shop keep it, with stock and prices.

Both name an article by its SKU; a few are missing on one side, and one on both, on purpose.
"""

from random import Random

from sandbox.people import Item
from sandbox.store import Article
from sandbox.world import DAY, HISTORY_DAYS, KIND_ITEM, SECOND, World

WAREHOUSES = ("Main", "Outlet")
NOT_IN_ERP, NOT_IN_SHOP, NOWHERE = 7, 13, 33
"""Places of articles that a system does not know: the first two of every 20, the third once."""
NOT_COUNTED = 4
NEGATIVE = 3
COMPOSITES = {50: ((0, 2), (1, 1)), 51: ((2, 1), (5, 4))}
"""Article -> (part, how many): sets that the ERP puts together."""


def seed_articles(world: World) -> None:
    """Fill both catalogues from what is for sale."""
    rng = Random(f"{world.seed}/articles/{world.merchant.name}")
    for item in world.items:
        levels = _levels(rng, item)
        created = (world.now - HISTORY_DAYS * DAY + item.index * SECOND) // SECOND * SECOND
        modified = created + rng.randrange(HISTORY_DAYS) * DAY
        if item.index != NOWHERE and item.index % 20 != NOT_IN_ERP:
            world.erp_articles.add(
                Article(
                    world.merchant.zoho_id(KIND_ITEM, item.index * 10),
                    created,
                    modified,
                    item.index,
                    item.sku,
                    item.price_minor,
                    [] if item.index % 15 == NOT_COUNTED else list(levels),
                    is_active=item.index % 25 != NOT_COUNTED,
                )
            )
        if item.index != NOWHERE and item.index % 20 != NOT_IN_SHOP:
            world.shop_articles.add(
                Article(
                    str(item.index + 1),
                    created,
                    modified,
                    item.index,
                    # typed with blanks that mean nothing
                    f" {item.sku}" if item.index % 10 == 0 else item.sku,
                    item.price_minor,
                    list(levels),
                )
            )
    if len(world.items) > NOWHERE:
        world.planted["sku_nowhere"] = {"sku": world.items[NOWHERE].sku}
        world.planted["negative_stock"] = {"sku": world.items[NEGATIVE].sku}


def _levels(rng: Random, item: Item) -> list[tuple[int, int]]:
    """Return what lies in each warehouse, and what of it is promised."""
    if item.index == NEGATIVE:
        return [(2, 5), (0, 0)]
    found = []
    for _ in WAREHOUSES:
        there = rng.randrange(0, 200)
        found.append((there, rng.randrange(0, min(there, 20) + 1)))
    return found


def group_of(world: World, index: int) -> int:
    """Return the number of the product that an article belongs to: those of one name are one."""
    names = sorted({item.name for item in world.items})
    return names.index(world.items[index].name)
