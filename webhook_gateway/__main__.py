"""``python -m webhook_gateway``: run the gateway under uvicorn."""

import os
import tempfile
from typing import Annotated

import typer
import uvicorn

from webhook_gateway.settings import METRICS_DIR

SHUTDOWN_SECONDS = 10


def main(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    trusted_proxies: Annotated[
        str, typer.Option(help="Addresses whose X-Forwarded-For counts, comma separated.")
    ] = "",
) -> None:
    """Take webhook deliveries and commit them to the inbox."""
    with tempfile.TemporaryDirectory(prefix="gateway-metrics-") as folder:
        if workers > 1:
            # The workers inherit it; prometheus-client reads it when it is imported.
            os.environ[METRICS_DIR] = folder
        uvicorn.run(
            "webhook_gateway.app:serve",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            loop="uvloop",
            http="webhook_gateway.connections:Guarded",
            ws="none",
            access_log=False,  # it would print query strings, which may hold secrets
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            log_level="warning",
        )


if __name__ == "__main__":
    typer.run(main)
