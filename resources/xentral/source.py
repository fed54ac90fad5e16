"""XentralList: how a list of Xentral's REST v1 is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class XentralList:
    """A list in numbered pages, the ``source`` of a stream.

    Attributes:
        path: path below ``/api/v1``; a record is found at ``<path>/<id>``.
        include: what is embedded, such as ``positionen``.
        since: filter by day (``datum_gte``) that an incremental pull uses; None = it reads all.
        is_of_project: the list knows the filter ``projekt``.
    """

    path: str
    include: str | None = None
    since: str | None = None
    is_of_project: bool = True
