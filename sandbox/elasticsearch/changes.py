"""Control of Elasticsearch: what it holds, and what it takes."""

from typing import Any

from sandbox.elasticsearch.cluster import MAX_CONTENT_BYTES
from sandbox.mutations import Changes


class SearchControl(Changes):
    """Looks at a merchant's cluster, and what its owner can set."""

    def documents(self, merchant: str, index: str = "") -> list[dict[str, Any]]:
        """Documents of an index, or of all, in the order of their creation."""
        with self.state.lock:
            indexes = self._account(merchant).cluster.indexes
            chosen = [held for name, held in indexes.items() if index in {"", name}]
            return [document for held in chosen for document in held.documents.values()]

    def document_ids(self, merchant: str) -> list[str]:
        """Ids of all documents, one for each, whatever index it is in."""
        with self.state.lock:
            indexes = self._account(merchant).cluster.indexes.values()
            return [name for held in indexes for name in held.documents]

    def set_cluster(
        self,
        merchant: str,
        *,
        max_content_bytes: int = MAX_CONTENT_BYTES,
        may_write: bool = True,
        takes_anything: bool = False,
    ) -> None:
        """Set the largest request, the right to write, and forget the types of all fields."""
        with self.state.lock:
            cluster = self._account(merchant).cluster
            cluster.max_content_bytes, cluster.may_write = max_content_bytes, may_write
            if takes_anything:
                for held in cluster.indexes.values():
                    held.types.clear()
