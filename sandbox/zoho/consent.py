"""Zoho's consent page and the generator of Self-Client codes in its API console."""

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.state import Account, State

LOCATION = "eu"


def routes(state: State) -> list[Route]:
    """The pages, over the state of a sandbox."""
    return [
        Route("/oauth/v2/auth", _page(state, _ask), methods=["GET"]),
        Route("/oauth/v2/auth", _page(state, _accept), methods=["POST"]),
        Route("/console/self-client", _page(state, _self_client), methods=["GET"]),
    ]


Page = Callable[[Account, Request, Mapping[str, str]], Response]


def _page(state: State, show: Page) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        account = state.by_client(request.query_params.get("client_id", ""))
        if account is None:
            return _html("Invalid client", "<p>The client is not known here.", 400)
        with state.lock:
            return show(account, request, form)

    return respond


def _ask(account: Account, request: Request, _form: Mapping[str, str]) -> Response:
    query = request.query_params
    if urlsplit(query.get("redirect_uri", "")).hostname not in {"localhost", "127.0.0.1"}:
        return _html("Invalid redirect", "<p>The client does not list this address.", 400)
    scopes = "".join(f"<li>{escape(scope)}" for scope in query.get("scope", "").split(","))
    title = escape(account.world.merchant.title)
    return _html(
        "Consent",
        f"<h1>{title}</h1><p>schemabase would like to:<ul>{scopes}</ul>"
        '<form method="post"><button name="choice" value="accept">Accept</button> '
        '<button name="choice" value="reject">Reject</button></form>',
    )


def _accept(account: Account, request: Request, form: Mapping[str, str]) -> Response:
    """Send the browser back with a code, unless the owner rejects."""
    query = request.query_params
    redirect_uri = query.get("redirect_uri", "")
    answer = {"state": query.get("state", "")}
    if form.get("choice") == "reject":
        answer["error"] = "access_denied"
    else:
        answer["code"] = account.tokens.make_code(query.get("scope", ""), redirect_uri)
        answer["location"] = LOCATION
        answer["accounts-server"] = str(request.base_url).rstrip("/")
    return RedirectResponse(f"{redirect_uri}?{urlencode(answer)}", status_code=302)


def _self_client(account: Account, request: Request, _form: Mapping[str, str]) -> Response:
    code = account.tokens.make_code(request.query_params.get("scope", ""), None)
    return _html("Self Client", f"<p>Generated code: <code>{code}</code>")


def _html(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(f"<!doctype html><title>{title}</title>{body}", status)
