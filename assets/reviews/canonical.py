"""core/reviews: what a review row is made of, and how it finds its order and its product."""

from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference
from schemabase_dagster.tables.catalogue import variant_ratings
from schemabase_dagster.tables.reviews import reviews

REVIEWS = Entity(
    name="review",
    table=reviews,
    group="reviews",
    description=(
        "Reviews of products and of the merchant: one row per review, with the merchant's latest "
        "reply. A review that comes before its order or its product is linked as soon as that is "
        "there. One that the source shows no more is marked deleted, its text kept."
    ),
    number_column="review_key",
    sample=("review_key", "reviewed_at", "review_type", "rating", "sku", "order_number"),
    day_column="reviewed_at",
    groups=(
        FieldGroup(
            "all",
            (
                "review_key",
                "review_type",
                "sku",
                "product_name",
                "order_number",
                "rating",
                "title",
                "body",
                "author_name",
                "author_email",
                "author_email_sha256",
                "is_verified_buyer",
                "sub_ratings",
                "tags",
                "photos",
                "helpful_votes",
                "reply_body",
                "replied_at",
                "reviewed_at",
            ),
            ("reviews", "owner"),
            atomic=True,
        ),
        FieldGroup("parents", ("order_id", "variant_id"), ("reviews", "owner")),
    ),
    references=(Reference("order", "order_id"), Reference("variant", "variant_id")),
    rank=90,
)

VARIANT_RATINGS = Entity(
    name="variant_rating",
    table=variant_ratings,
    group="reviews",
    description=(
        "Average rating and number of ratings of what is sold: one row per SKU and app that "
        "collects reviews. A SKU that no catalogue knows has no variant."
    ),
    number_column=None,
    sample=("sku", "average", "rating_count"),
    groups=(
        FieldGroup("rating", ("sku", "average", "rating_count"), atomic=True),
        FieldGroup("variant", ("variant_id",)),
    ),
    references=(Reference("variant", "variant_id"),),
    rank=-1,
)
