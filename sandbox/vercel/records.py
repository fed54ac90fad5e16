"""Log records of a deployment, as Vercel describes them: of functions, of the edge, of requests."""

from random import Random
from typing import Any

SOURCES = ("lambda", "edge", "static", "external", "firewall", "redirect")
PATHS = ("/", "/products", "/products/tea", "/cart", "/api/checkout")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"


def log_records(count: int, *, seed: int = 7, start_ms: int = 1_790_000_000_000) -> list[Any]:
    """Make records, always the same ones for a seed."""
    rng = Random(f"{seed}/vercel")
    return [_record(number, rng, start_ms + number * 37) for number in range(count)]


def lambda_text(rng: Random, request_id: str) -> str:
    """Text of a function's run: the platform's lines around what it wrote."""
    duration = rng.randint(3, 900) + 0.25
    return (
        f"START RequestId: {request_id} Version: $LATEST\n"
        f"2026-01-05T08:15:00.123Z\t{request_id}\tINFO\tcart has {rng.randint(1, 9)} lines\n"
        f"END RequestId: {request_id}\n"
        f"REPORT RequestId: {request_id}\tDuration: {duration} ms\tBilled Duration: "
        f"{int(duration) + 1} ms\tMemory Size: 1024 MB\tMax Memory Used: 85 MB\t\n"
    )


def _record(number: int, rng: Random, at_ms: int) -> dict[str, Any]:
    source, path = rng.choice(SOURCES), rng.choice(PATHS)
    request_id = f"fra1::{rng.randbytes(5).hex()}-{at_ms}-{rng.randbytes(6).hex()}"
    run_id = f"{rng.randbytes(4).hex()}-{rng.randbytes(2).hex()}-4{rng.randbytes(5).hex()}"
    record: dict[str, Any] = {
        "id": f"{at_ms}{number:015d}",
        "timestamp": at_ms,
        "source": source,
        "level": rng.choice(("info", "warning", "error")),
        "projectId": "prj_acme",
        "projectName": "storefront",
        "deploymentId": "dpl_9Zq3",
        "host": "storefront.acme.example",
        "path": path,
        "environment": "production",
        "requestId": request_id,
        "statusCode": rng.choice((200, 200, 200, 304, 404, 500)),
        "proxy": {
            "timestamp": at_ms,
            "method": "GET",
            "scheme": "https",
            "host": "storefront.acme.example",
            "path": f"{path}?page={number}",
            "userAgent": [AGENT],
            "referer": "https://acme.example/",
            "statusCode": 200,
            "clientIp": f"203.0.113.{rng.randint(1, 254)}",
            "region": "fra1",
            "cacheId": f"fra1::{rng.randbytes(4).hex()}",
            "vercelCache": "MISS",
        },
    }
    if source == "lambda":
        record["message"] = lambda_text(rng, run_id)
    elif source in {"edge", "external"}:
        record["message"] = f"{source} answered in {rng.randint(1, 90)} ms"
    return record
