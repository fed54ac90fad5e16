"""Worker: the process that is killed. Does what a Dagster run does, by the assets' own functions.

Forked from a server process that has imported all of it, so that an attempt costs milliseconds.
"""

import multiprocessing
import os
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from typing import Final, Literal, TypeAlias

from assets import deliveries, registry, syncing
from proofs.chaos import leases
from resources.registry import default_resources
from schemabase_dagster import database, tags
from schemabase_dagster.engine import batches, merge
from schemabase_dagster.settings import forget_settings

RESOURCES: Final = default_resources()
"""Made here, so that the server process imports Dagster and a worker need not."""

Kind: TypeAlias = Literal["pull", "full", "deliver"]

BATCH_RECORDS: Final = 25
"""Records of one transaction instead of 2,000: small data, yet kills between committed batches."""

LEASE_SECONDS: Final = 3.0
"""Lease of claimed deliveries instead of five minutes; it runs out by the clock all the same."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker does.

    Attributes:
        kind: ``pull``: all streams incrementally, then core; ``full``: the same with a whole
            listing; ``deliver``: due webhooks of all systems.
        tenant: slug.
        url: database.
        keys: key ring of the vault.
        run_id: stands on the rows it writes.
        pg_options: settings of its sessions, see ``gates``.
    """

    kind: Kind
    tenant: str
    url: str
    keys: str
    run_id: str
    pg_options: str = ""


def start(job: Job) -> ForkServerProcess:
    """Start a worker."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=work, args=(job,), daemon=True)
    process.start()
    return process


def work(job: Job) -> None:
    """Do a job to its end."""
    os.environ |= {
        "DATABASE_URL": job.url,
        "SCHEMABASE_KEYS": job.keys,
        "PGOPTIONS": job.pg_options,
    }
    forget_settings()
    batches.BATCH_RECORDS = merge.BATCH_RECORDS = BATCH_RECORDS  # type: ignore[misc]  # Final
    leases.shorten(LEASE_SECONDS)
    if job.kind == "deliver":
        _deliver(job)
    else:
        _pull(job)
    database.close_pools()


def _pull(job: Job) -> None:
    trigger = tags.TRIGGER_FULL if job.kind == "full" else "schedule"
    request = syncing.SyncRequest(job.tenant, trigger, job.run_id, confirm_deletes=True)
    for stream in registry.streams().values():
        syncing.pull(stream, RESOURCES[stream.system.name].open, request)
    for entity in registry.entities().values():
        syncing.merge(entity, request)


def _deliver(job: Job) -> None:
    for system, resource in RESOURCES.items():
        server = deliveries.Server(
            job.tenant, system, resource.open, job.run_id, linger_seconds=0.0
        )
        for _ in server.serve():
            pass
