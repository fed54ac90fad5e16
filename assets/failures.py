"""Our errors to Dagster's failures: what is retried, what stops, and what its text may say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import dagster as dg
import psycopg

from assets import progress
from assets.syncing import AppsFailedError
from schemabase_dagster.errors import SchemabaseError

MAX_RETRIES: Final = 2
LONGEST_WAIT_SECONDS: Final = 600.0

RETRY_POLICY: Final = dg.RetryPolicy(
    max_retries=MAX_RETRIES, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""Waits after passing errors that name no time themselves."""

ERROR: Final = "error"
EXIT_STATUS: Final = "exit_status"
SYSTEM: Final = "system"
"""Metadata of a failure, read by the alert sensor and the command line."""


@contextmanager
def translated(system: str = "") -> Iterator[None]:
    """Raise what Dagster understands instead of our errors.

    Passing errors are retried by the policy, or after the time that the system named; all others
    stop. The text of an unexpected exception could hold a payload and would be stored in the event
    log for ever, so only its class is told there.

    Args:
        system: system the work is about, for the alert.
    """
    try:
        yield
    except SchemabaseError as error:
        raise _failure(error, system) from None
    except psycopg.OperationalError as error:
        raise _unexpected(error, system, passing=True) from None
    except Exception as error:  # noqa: BLE001 - the outermost edge of an asset
        raise _unexpected(error, system, passing=False) from None


def gathered(failed: Mapping[str, dg.Failure]) -> dg.Failure:
    """Return one failure of a step that did several things, named; the first tells what it is."""
    first = next(iter(failed.values()))
    return dg.Failure(
        " ".join(f"{name}: {failure.description}" for name, failure in failed.items()),
        metadata=first.metadata,
        allow_retries=all(failure.allow_retries for failure in failed.values()),
    )


def error_name(error: SchemabaseError) -> str:
    """Return the class by which alerts are grouped."""
    inner = error.failures[0].error if isinstance(error, AppsFailedError) else error
    return type(inner).__name__


def _failure(error: SchemabaseError, system: str) -> dg.Failure | dg.RetryRequested:
    wait = getattr(error, "retry_after", None)
    is_retried = error.passing and not progress.is_observed()
    if is_retried and wait is not None:
        return dg.RetryRequested(MAX_RETRIES, min(wait, LONGEST_WAIT_SECONDS))
    return dg.Failure(
        str(error),
        metadata={
            ERROR: error_name(error),
            EXIT_STATUS: error.exit_status,
            SYSTEM: system,
        },
        allow_retries=is_retried,
    )


def _unexpected(error: Exception, system: str, *, passing: bool) -> dg.Failure:
    where = _innermost(error)
    advice = "The database is not available." if passing else "This is a defect, please report it."
    return dg.Failure(
        f"{type(error).__name__} at {where}. {advice}",
        metadata={ERROR: type(error).__name__, EXIT_STATUS: 1, SYSTEM: system},
        allow_retries=passing and not progress.is_observed(),
    )


def _innermost(error: Exception) -> str:
    """Name the innermost line of ours that led to an exception, which says where without what."""
    place, trace = "unknown", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.partition(".")[0] in {"assets", "resources", "schemabase_dagster", "sensors"}:
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
