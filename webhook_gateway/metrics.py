"""Prometheus metrics of the gateway's processes."""

import os
from functools import cache
from typing import Final
from uuid import UUID

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from webhook_gateway.settings import METRICS_DIR

REQUESTS: Final = Counter("gateway_requests", "Requests answered", ["provider", "code"])
SECONDS: Final = Histogram(
    "gateway_request_seconds",
    "Time from the first byte to the answer",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BODY_BYTES: Final = Histogram(
    "gateway_body_bytes", "Size of bodies", buckets=(256, 1024, 4096, 16384, 65536, 262144, 1048576)
)
IN_FLIGHT: Final = Gauge("gateway_in_flight", "Requests at work", multiprocess_mode="livesum")
STORED: Final = Counter("webhook_stored", "Deliveries stored", ["provider", "tenant"])
DUPLICATES: Final = Counter("webhook_duplicate", "Repeated deliveries", ["provider", "tenant"])
BODY_CONFLICTS: Final = Counter(
    "webhook_body_conflict", "Another body came under a known key", ["provider", "tenant"]
)
REJECTS: Final = Counter("webhook_reject", "Deliveries refused", ["reason"])
SECRETS_USED: Final = Counter("webhook_secret_used", "Deliveries proved by a secret", ["secret"])
INSERT_SECONDS: Final = Histogram(
    "gateway_db_insert_seconds",
    "Time of one batch, commit included",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3),
)
WAIT_SECONDS: Final = Histogram(
    "gateway_pool_wait_seconds",
    "Time that the first delivery of a batch waited for a connection",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3),
)
BATCH_ROWS: Final = Histogram(
    "gateway_db_batch_rows", "Deliveries in a batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
DATABASE_ERRORS: Final = Counter("gateway_db_errors", "Batches that the database did not take")

disable_created_metrics()  # type: ignore[no-untyped-call]  # library


@cache
def stored(provider: str, tenant: str) -> Counter:
    """Return the counter of stored deliveries; looking up labels costs more than counting."""
    return STORED.labels(provider, tenant)


@cache
def requests(provider: str, code: int) -> Counter:
    """Return the counter of answered requests."""
    return REQUESTS.labels(provider, code)


@cache
def secret_used(secret_id: UUID) -> Counter:
    """Return the counter of deliveries proved by a secret."""
    return SECRETS_USED.labels(str(secret_id))


def exposition(inbox: CollectorRegistry | None) -> tuple[bytes, str]:
    """Return the metrics of all workers as text, and its content type.

    Args:
        inbox: what the database tells; None when it cannot be asked.
    """
    registry = CollectorRegistry()
    if os.environ.get(METRICS_DIR):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # library
        text = generate_latest(registry)
    else:
        text = generate_latest()
    if inbox is not None:
        text += generate_latest(inbox)
    return text, CONTENT_TYPE_LATEST
