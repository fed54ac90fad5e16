"""Control of what stands at REVIEWS.io: what is written there."""

from sandbox import changes
from sandbox.mutations import Changes, mutation
from sandbox.reviewsio.seeding import add_review
from sandbox.store import Review
from sandbox.world import SECOND


class ReviewsChanges(Changes):
    """Changes of a merchant's reviews."""

    @mutation
    def new_reviews(self, merchant: str, entity: str, n: int) -> list[str]:
        """Write ``n`` reviews now: product_reviews or merchant_reviews."""
        world, rng = self._world(merchant), self._rng()
        return [add_review(world, rng, entity, self.at + i * SECOND).id for i in range(n)]

    @mutation
    def edit_review(
        self, merchant: str, entity: str, review_id: str, rating: int = 1, reply: str = ""
    ) -> None:
        """Edit a review and answer it; its date stays, as the real one's does."""
        world = self._world(merchant)
        review: Review = changes.find_record(world, "reviewsio", entity, review_id)
        review.rating, review.reply = rating, reply
        changes.bump(world, "reviewsio", entity, review, self.at)

    @mutation
    def delete_review(self, merchant: str, entity: str, review_id: str) -> None:
        """Take a review out of what the API shows."""
        changes.entity_table(self._world(merchant), "reviewsio", entity).remove(review_id)
