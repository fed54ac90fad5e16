"""ReviewsioResource: REVIEWS.io on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.reviewsio.client import ReviewsioClient, open_client
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class ReviewsioResource(SystemResource):
    """REVIEWS.io: reviews of products and of the merchant, and ratings by SKU.

    Store and region belong to each app and are set by `schemabase app add`. The vendor publishes
    no limit; all processes together make at most two calls a second for one store.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[ReviewsioClient]:
        """Open the client of a REVIEWS.io app."""
        return open_client(app, self.options(), lane)
