"""REVIEWS.io: reviews of products and of the merchant, and ratings by SKU."""

from resources.reviewsio.source import RatingBatch, ReviewList
from resources.reviewsio.system import REVIEWSIO, ReviewsioConfig, ReviewsioCredentials

__all__ = ["REVIEWSIO", "RatingBatch", "ReviewList", "ReviewsioConfig", "ReviewsioCredentials"]
