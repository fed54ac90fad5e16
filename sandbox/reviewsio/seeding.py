"""Reviews that the merchants' customers wrote about what they really ordered."""

from random import Random

from sandbox.store import Review, ShopOrder
from sandbox.world import DAY, MINUTE, SECOND, World

FIRST_ID = 812_000
IDS_OF_MERCHANT = 100_000
PRODUCT_SHARE, MERCHANT_SHARE, TIE_SHARE = 0.4, 0.25, 0.15
TITLES = ("Solid", "Gerne wieder", "Meh", "Top &amp; schnell", "", "Gut &lt;3")
BODIES = (
    "Does what it should.",
    "Fest &amp; h&auml;lt 👍",
    "Leider zu kurz, sonst gut.",
    "Arrived next day.",
    "",
    "5 &lt; 6, aber trotzdem toll 🎉",
)
REPLIES = ("Thanks!", "Danke &amp; bis bald!")
NEWEST_ORDERS = 5000
"""Older ones are not looked at: a sandbox of 50,000 orders must start at once."""
STARS = (5, 5, 5, 5, 4, 4, 4, 3, 2, 1)


def seed_reviews(world: World, size: int) -> None:
    """Let buyers of the newest finished shop orders write reviews, of both kinds.

    Some share a second with the one before, so that ties lie across page borders.
    """
    rng = Random(f"{world.seed}/reviews/{world.merchant.name}/{size}")
    latest = {"product_reviews": 0, "merchant_reviews": 0}
    for order in list(world.shop_orders.by_id.values())[-NEWEST_ORDERS:]:
        at = (order.created + rng.randrange(2 * DAY, 20 * DAY)) // SECOND * SECOND
        if order.stage != "done" or at > world.now - MINUTE:
            continue
        for entity, share in (
            ("product_reviews", PRODUCT_SHARE),
            ("merchant_reviews", MERCHANT_SHARE),
        ):
            if rng.random() < share:
                tied = latest[entity] > order.created and rng.random() < TIE_SHARE
                review = add_review(world, rng, entity, latest[entity] if tied else at, order)
                latest[entity] = review.created
    _plant(world, rng)


def add_review(
    world: World, rng: Random, entity: str, at: int, order: ShopOrder | None = None
) -> Review:
    """Write a review of an order, of a random finished one when none is given."""
    table = world.product_reviews if entity == "product_reviews" else world.merchant_reviews
    if order is None:
        done = [o for o in world.shop_orders.newest() if o.stage == "done" and o.created < at]
        order = rng.choice(done)
    item = world.items[rng.choice(world.content(order).lines).item]
    is_product = entity == "product_reviews"
    world.reviews_written[entity] = world.reviews_written.get(entity, 0) + 1
    number = _first_id(world) + world.reviews_written[entity]
    review = Review(
        str(number),
        at,
        at,
        item.sku if is_product else "",
        f"{item.name} {item.form}" if is_product else "",
        order.number,
        order.sale.customer,
        rng.choice(STARS),
        rng.choice(TITLES),
        rng.choice(BODIES),
        reply=rng.choice(REPLIES) if rng.random() < 0.3 else "",
    )
    if rng.random() < 0.1:
        review.order_number = f"#{order.number}"
    table.add(review)
    return review


def _first_id(world: World) -> int:
    """Both kinds begin with the same number: equal ids of different things are normal."""
    return FIRST_ID + world.merchant.number * IDS_OF_MERCHANT


def _plant(world: World, rng: Random) -> None:
    """Place a review of a SKU that nobody sells, and one of an order that nobody knows."""
    if not world.product_reviews.by_id:
        return
    at = (world.now - 3 * DAY) // SECOND * SECOND
    odd = add_review(world, rng, "product_reviews", at)
    odd.sku = "OLD-SKU-2019"
    world.planted["unknown_sku"] = {"reviewsio": odd.id, "sku": odd.sku}
    lost = add_review(world, rng, "merchant_reviews", at)
    lost.order_number = "999999999"
    world.planted["unknown_order"] = {"reviewsio": lost.id, "number": lost.order_number}
