"""Bare callers of the stand-ins, and a receiver of their webhooks: nothing of our own client."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

ORDERS_PAGE = """
query OrdersPage($first: Int!, $after: String, $from: DateTime) {
  orders(first: $first, after: $after, filter: {updatedAt: {gte: $from}},
         sortBy: {field: LAST_MODIFIED_AT, direction: ASC}) {
    pageInfo { hasNextPage endCursor } edges { node { id } }
  }
}
"""


class ZohoCaller:
    """A bare caller of Zoho's API for one merchant, without any of our client's cleverness."""

    def __init__(self, info: dict[str, Any], http: httpx.Client) -> None:
        self.info = info
        self.http = http
        self.header = {"Authorization": ""}

    def grant(self, **changed: str) -> httpx.Response:
        """Ask for an access token, with some parameters changed."""
        names = ("client_id", "client_secret", "refresh_token")
        form = {name: self.info[name] for name in names} | {"grant_type": "refresh_token"}
        return self.http.post(f"{self.info['accounts_url']}/oauth/v2/token", data=form | changed)

    def sign_in(self) -> None:
        """Use a new token from now on."""
        self.header = {"Authorization": f"Zoho-oauthtoken {self.grant().json()['access_token']}"}

    def get(self, path: str, *, root: str = "inventory_url", **query: Any) -> httpx.Response:
        """Read a path below an API root."""
        parameters = {"organization_id": self.info["organization_id"]} | query
        return self.http.get(f"{self.info[root]}/{path}", params=parameters, headers=self.header)

    def all_rows(self, plural: str, **query: Any) -> list[dict[str, Any]]:
        """Every row of a listing, page by page, as it was served."""
        rows, page = [], 1
        while True:
            body = self.get(plural, page=page, **query).json()
            rows += body[plural]
            if not body["page_context"]["has_more_page"]:
                return rows
            page += 1


class SaleorCaller:
    """A bare caller of one shop's GraphQL endpoint."""

    def __init__(self, info: dict[str, Any], http: httpx.Client) -> None:
        self.info = info
        self.http = http

    def ask(
        self, query: str, operation: str, variables: dict[str, Any], **headers: str
    ) -> httpx.Response:
        """Send one operation."""
        body = {"query": query, "operationName": operation, "variables": variables}
        given = headers or {"Authorization": f"Bearer {self.info['token']}"}
        return self.http.post(self.info["api_url"], json=body, headers=given)

    def page(self, **variables: Any) -> httpx.Response:
        """Ask for one page of orders by ascending modification."""
        return self.ask(ORDERS_PAGE, "OrdersPage", {"first": 50} | variables)

    def all_nodes(self, first: int = 50, since: str | None = None) -> list[dict[str, Any]]:
        """Every order, page by page."""
        nodes, after = [], None
        while True:
            orders = self.page(first=first, after=after, **{"from": since}).json()["data"]["orders"]
            nodes += [edge["node"] for edge in orders["edges"]]
            if not orders["pageInfo"]["hasNextPage"]:
                return nodes
            after = orders["pageInfo"]["endCursor"]


class Receiver:
    """A webhook receiver that keeps what is posted and answers as it is told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.body = b""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._lock:
                    receiver.requests.append((self.path, dict(self.headers.items()), body))
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
