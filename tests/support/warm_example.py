"""Small definitions that a warm process loads; each test copies them to a folder of its own."""

import os
import time

import dagster as dg

from assets.priority import SHARED
from schemabase_dagster.engine.ids import new_id

ANSWER = "before"


@dg.op
def tell(context: dg.OpExecutionContext) -> None:
    shares = SHARED in os.environ
    context.log.info("answer %s, shares the machine %s, id %s", ANSWER, shares, new_id())


@dg.op
def fail() -> None:
    raise dg.Failure("on purpose", allow_retries=False)


@dg.op
def wait(context: dg.OpExecutionContext) -> None:
    context.log.info("waits")
    while True:
        time.sleep(0.02)


@dg.job(executor_def=dg.in_process_executor)
def quick() -> None:
    tell()


@dg.job(executor_def=dg.in_process_executor)
def failing() -> None:
    fail()


@dg.job(executor_def=dg.in_process_executor)
def endless() -> None:
    wait()


defs = dg.Definitions(jobs=[quick, failing, endless])
