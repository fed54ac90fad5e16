"""ReviewList and RatingBatch: how the two kinds of REVIEWS.io records are read."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReviewList:
    """A list of reviews in pages that count from 0, the ``source`` of a stream.

    Attributes:
        path: path below the API's root.
        newest_first: parameters that sort it so; the two lists name them differently.
        total: dotted path of the number of reviews in an answer.
        order_field: field of a review that only the API key shows, beside the reviewer's e-mail.
    """

    path: str
    newest_first: Mapping[str, str]
    total: str
    order_field: str


@dataclass(frozen=True, slots=True)
class RatingBatch:
    """Ratings of the SKUs that are asked for, the ``source`` of a stream.

    Attributes:
        path: path below the API's root.
    """

    path: str
