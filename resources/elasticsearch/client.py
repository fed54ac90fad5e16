"""ElasticsearchClient: creates documents in bulk; what the cluster is too busy for is repeated."""

import base64
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from resources.api import Api, ClientOptions, UnreadClient, open_api, read_credentials
from resources.auth import FixedToken
from resources.elasticsearch.bulk import (
    AGAIN,
    SYSTEM,
    WHAT,
    Document,
    Written,
    packed,
    refusal,
    request_body,
    sort_items,
)
from resources.elasticsearch.system import (
    ELASTICSEARCH,
    ElasticsearchConfig,
    ElasticsearchCredentials,
)
from resources.http import Call, HttpOptions, Reply, judge_status
from schemabase_dagster.errors import CredentialError, RateLimited
from schemabase_dagster.streams import Lane
from schemabase_dagster.tenancy import App

TOO_LARGE: Final = 413
WANTED_RIGHT: Final = "create_doc"
NDJSON: Final = {"Content-Type": "application/x-ndjson"}
ANSWER: Final = {"filter_path": "errors,items.*.status,items.*.error"}
"""Only what is looked at: the rest of the answer is as large as the request."""


class ElasticsearchClient(UnreadClient):
    """Client of one index of a cluster.

    Args:
        api: calls of the app.
        config: the app's configuration.
        auth: API key, or user and password.
        patience: attempts at a document, and pauses between them.
    """

    def __init__(
        self, api: Api, config: ElasticsearchConfig, auth: FixedToken, patience: HttpOptions
    ) -> None:
        super().__init__(api)
        self._config = config
        self._auth = auth
        self._patience = patience

    def create(self, documents: Iterable[Document]) -> Written:
        """Create documents, in requests of limited size; those whose id exists stay as they are.

        When it raises, any number of them may be there: repeating it creates the others.

        Raises:
            CredentialError: the cluster refuses the credentials.
            RateLimited: it stays too busy.
            ProviderError: any other failure that is not a document's.
        """
        written = Written()
        limits = self._config
        for group in packed(
            documents,
            max_bytes=limits.max_request_bytes,
            max_documents=limits.max_request_documents,
        ):
            written += self._create(group)
        return written

    def check(self) -> Mapping[str, str]:
        """Prove the credentials, and that they may write to the index.

        Raises:
            CredentialError: refused, or not allowed to create documents there.
        """
        index = self._config.index
        wanted = {"index": [{"names": [index], "privileges": [WANTED_RIGHT]}]}
        url = f"{self._config.url}/_security/user/_has_privileges"
        call = Call("check", "check rights", "POST", url, json=wanted)
        answer = self._api.call(call, _judge, self._auth).body(SYSTEM, call.what)
        if answer.get("has_all_requested") is not True:
            app = self._api.app
            reason = f"not allowed to {WANTED_RIGHT} in '{index}'"
            raise CredentialError(app.tenant_slug, app.key, reason)
        return {"cluster": self._config.url, "may write to": index}

    def _create(self, group: Sequence[Document]) -> Written:
        """Create the documents of one request, in smaller ones where the cluster asks for it."""
        written = Written()
        waiting = deque([(group, 1)])
        while waiting:
            documents, attempt = waiting.popleft()
            reply = self._api.call(self._bulk(documents), _judge_bulk, self._auth)
            if reply.status == TOO_LARGE:
                if len(documents) == 1:
                    error = {"type": "content_too_long", "reason": "larger than a request may be"}
                    alone = refusal(documents[0], TOO_LARGE, error)
                    written += Written(refused=(alone,))
                else:
                    waiting.extendleft((half, attempt) for half in reversed(_halves(documents)))
                continue
            again: Sequence[Document] = documents
            if reply.status != AGAIN:
                done, again = sort_items(documents, reply.payload)
                written += done
            if again:
                self._pause(attempt, reply.retry_after)
                parts = _halves(again) if reply.status == AGAIN else [again]
                waiting.extend((part, attempt + 1) for part in parts)
        return written

    def _bulk(self, documents: Sequence[Document]) -> Call:
        url = f"{self._config.url}/{self._config.index}/_bulk"
        body = request_body(documents)
        return Call("write", WHAT, "POST", url, params=ANSWER, content=body, headers=NDJSON)

    def _pause(self, attempt: int, retry_after: float | None) -> None:
        pause = max(retry_after or 0.0, self._patience.backoff_seconds * 2.0 ** (attempt - 1))
        if attempt >= self._patience.attempts or pause > self._patience.max_wait_seconds:
            raise RateLimited(SYSTEM, WHAT, status=AGAIN, retry_after=retry_after)
        time.sleep(pause)


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[ElasticsearchClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``elasticsearch``.
        options: set by the resource.
        lane: share of a budget that does not exist.

    Raises:
        CredentialError: none are set.
    """
    config = ElasticsearchConfig.model_validate(app.config)
    auth = _auth(read_credentials(app, ELASTICSEARCH))
    with open_api(app, options, lane) as api:
        yield ElasticsearchClient(api, config, auth, options.http)


def _auth(credentials: ElasticsearchCredentials) -> FixedToken:
    if credentials.api_key is not None:
        return FixedToken("ApiKey", credentials.api_key.get_secret_value())
    user, password = credentials.username, credentials.password
    pair = ":".join(each.get_secret_value() for each in (user, password) if each is not None)
    return FixedToken("Basic", base64.b64encode(pair.encode()).decode())


def _halves(documents: Sequence[Document]) -> list[Sequence[Document]]:
    middle = (len(documents) + 1) // 2
    return [half for half in (documents[:middle], documents[middle:]) if half]


def _judge(call: Call, reply: Reply) -> None:
    judge_status(SYSTEM, call, reply)


def _judge_bulk(call: Call, reply: Reply) -> None:
    """Raise what an answer means, unless smaller requests help; a cut one is asked for again."""
    if reply.status not in {AGAIN, TOO_LARGE}:
        judge_status(SYSTEM, call, reply)
        reply.body(SYSTEM, call.what)
