"""What the stack asks the Dagster web server: is the code loaded, do daemons beat, which runs."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemabase_dagster import tags
from schemabase_dagster.errors import ConfigurationError

CALL_SECONDS = 15
RUNS_AT_MOST = 200

_LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        loadStatus
        locationOrLoadError { __typename ... on PythonError { message } }
      }
    }
  }
}
"""

_DAEMONS = """
query Daemons {
  instance { daemonHealth { allDaemonStatuses { required healthy } } }
}
"""

_RUNS = """
query Runs($filter: RunsFilter, $limit: Int) {
  runsOrError(filter: $filter, limit: $limit) {
    ... on Runs {
      results { runId status creationTime startTime endTime tags { key value } }
    }
  }
}
"""

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""

# The job that stands behind the button "Materialize" of the UI.
ASSET_JOB = {
    "repositoryLocationName": "schemabase",
    "repositoryName": "__repository__",
    "jobName": "__ASSET_JOB",
}

UNFINISHED = frozenset({"QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED", "CANCELING"})


@dataclass(frozen=True, slots=True)
class Run:
    """One run as Dagster knows it; times are seconds since 1970."""

    run_id: str
    status: str
    created: float
    started: float | None
    ended: float | None
    tags: Mapping[str, str]

    @property
    def is_finished(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status not in UNFINISHED

    @property
    def tenant(self) -> str:
        """The tenant it works for, empty if it works for none."""
        return self.tags.get(tags.TENANT, "")

    @property
    def system(self) -> str:
        """The system it syncs, empty if it syncs none."""
        return self.tags.get(tags.SYSTEM, "")

    @property
    def trigger(self) -> str:
        """What started it."""
        return self.tags.get(tags.TRIGGER, "")


class DagsterApi:
    """The web server's GraphQL interface.

    Args:
        url: root of the web server.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/graphql"

    def code_is_loaded(self) -> bool:
        """Say whether the definitions are loaded.

        Raises:
            ConfigurationError: they cannot be loaded; holds the first line of the reason.
        """
        entries = self._ask(_LOCATIONS)["workspaceOrError"].get("locationEntries", [])
        for entry in entries:
            found = entry["locationOrLoadError"] or {}
            if found.get("__typename") == "PythonError":
                reason = found["message"].strip().splitlines()[0]
                raise ConfigurationError(
                    f"Dagster cannot load the definitions: {reason}",
                    "Run 'make definitions' for the whole trace.",
                )
        return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)

    def daemons_beat(self) -> bool:
        """Say whether every daemon that is needed sent a sign of life."""
        statuses = self._ask(_DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(each["healthy"] for each in statuses if each["required"])

    def runs(self, **wanted: str) -> list[Run]:
        """Return the latest runs, newest first.

        Args:
            wanted: tags by the last part of their name, for instance ``trigger="webhook"``.
        """
        filters = [{"key": f"schemabase/{name}", "value": value} for name, value in wanted.items()]
        answer = self._ask(_RUNS, filter={"tags": filters}, limit=RUNS_AT_MOST)
        return [
            Run(
                run_id=each["runId"],
                status=each["status"],
                created=each["creationTime"],
                started=each["startTime"],
                ended=each["endTime"],
                tags={tag["key"]: tag["value"] for tag in each["tags"]},
            )
            for each in answer["runsOrError"].get("results", [])
        ]

    def launch(
        self, keys: Sequence[Sequence[str]], *, partition: str, tags: Mapping[str, str]
    ) -> str:
        """Materialise assets of one tenant, as the button of the UI does; return the run's id.

        Raises:
            ConfigurationError: Dagster refused.
        """
        every = {"dagster/partition": partition, **tags}
        params = {
            "selector": {
                **ASSET_JOB,
                "assetSelection": [{"path": list(key)} for key in keys],
                "assetCheckSelection": None,
            },
            "mode": "default",
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in every.items()]
            },
        }
        answer = self._ask(_LAUNCH, params=params)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise ConfigurationError(
                f"Dagster did not start a run: {answer['__typename']} {answer.get('message', '')}"
            )
        return str(answer["run"]["runId"])

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own web server
            self._url,
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as response:  # noqa: S310
            data: dict[str, Any] = json.load(response)["data"]
            return data


def is_true(question: Callable[[], bool]) -> bool:
    """Ask the web server and take no answer for no."""
    try:
        return question()
    except (urllib.error.URLError, OSError, TimeoutError):
        return False
