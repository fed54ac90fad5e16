"""Ids of our rows: UUID version 7, ordered by time, so that indexes grow at one end (RFC 9562)."""

from uuid_utils.compat import uuid7 as new_id

__all__ = ["new_id"]
