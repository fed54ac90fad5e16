"""The source of the pull benchmark: Zoho's list pages with inline lines, rendered beforehand.

``python -m benchmarks.source SIZE`` serves a stand-in of one merchant in a process of its own until
its stdin ends; it prints the merchant's addresses and credentials as JSON once all is rendered.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx
import orjson

from sandbox.runner import Sandbox
from schemabase_dagster.settings import ROOT

MERCHANT: Final = "acme"
LINES_PER_ORDER: Final = 3
PAGE_SIZE: Final = 200


@contextmanager
def serving(size: int) -> Iterator[dict[str, Any]]:
    """Serve so many sales orders for the block and yield the merchant's addresses."""
    command = (sys.executable, "-m", "benchmarks.source", str(size))
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the source did not start")
        try:
            yield json.loads(line)
        finally:
            process.stdin.close()


def iter_pages(merchant: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """List all sales orders page by page, as the rivals read them."""
    zoho = merchant["zoho"]
    with httpx.Client(trust_env=False) as http:
        form = {"grant_type": "refresh_token"}
        form |= {key: zoho[key] for key in ("client_id", "client_secret", "refresh_token")}
        token = http.post(f"{zoho['accounts_url']}/oauth/v2/token", data=form).json()
        headers = {"Authorization": f"Zoho-oauthtoken {token['access_token']}"}
        query = {"organization_id": zoho["organization_id"], "per_page": str(PAGE_SIZE)}
        query["sort_column"] = "last_modified_time"
        number, more = 0, True
        while more:
            number += 1
            url = f"{zoho['inventory_url']}/salesorders"
            answer = http.get(url, params={**query, "page": str(number)}, headers=headers)
            body = orjson.loads(answer.raise_for_status().content)
            more = body["page_context"]["has_more_page"]
            yield body["salesorders"]


def copy_text(record: Mapping[str, Any]) -> bytes:
    """Return a record as a value of COPY's text format."""
    return orjson.dumps(record).replace(b"\\", b"\\\\")


def main(size: str) -> None:
    """Serve until stdin ends."""
    with Sandbox(
        seed=7, size=int(size), merchants=(MERCHANT,), inline_lines=True, lines=(LINES_PER_ORDER,)
    ) as sandbox:
        sandbox.control.prerender(MERCHANT, "zoho")
        # Every side of every round asks for a token of its own.
        sandbox.control.set_tokens(MERCHANT, throttled=False)
        print(json.dumps(sandbox.info["merchants"][MERCHANT]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
