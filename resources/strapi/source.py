"""Collection: how the entries of a content type are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection type, the ``source`` of a stream; the app's configuration names its path.

    Attributes:
        populate: parameters that embed relations and components, which are left out otherwise.
    """

    populate: Mapping[str, str] = field(default_factory=dict)
