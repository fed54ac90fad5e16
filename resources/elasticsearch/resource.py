"""ElasticsearchResource: Elasticsearch on Dagster's resource page."""

from contextlib import AbstractContextManager

from resources.elasticsearch.client import ElasticsearchClient, open_client
from resources.shell import SystemResource
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App


class ElasticsearchResource(SystemResource):
    """Elasticsearch: takes the documents that log batches become, in bulk requests.

    Address, index and sizes of requests belong to each app and are set by `schemabase app add`.
    Nothing is read. What the cluster is too busy for is sent again, first here, then by later runs.
    """

    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[ElasticsearchClient]:
        """Open the client of an Elasticsearch app."""
        return open_client(app, self.options(), lane)
