"""Pages: what the Dagster UI shows of an instance, asked from its web server as the UI asks."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

import httpx

REPOSITORY = {"repositoryLocationName": "schemabase", "repositoryName": "__repository__"}
TIMEOUT_SECONDS = 60

FRAGMENTS = {
    "...Metadata": """
fragment Metadata on MetadataEntry {
  label description
  ... on TextMetadataEntry { text }
  ... on MarkdownMetadataEntry { mdStr }
  ... on JsonMetadataEntry { jsonString }
  ... on UrlMetadataEntry { url }
  ... on PathMetadataEntry { path }
  ... on TableMetadataEntry { table { records schema { columns { name description } } } }
}""",
    "...Error": """
fragment Error on PythonError {
  message className stack
  causes { message className stack }
  errorChain { isExplicitLink error { message className stack } }
}""",
}

QUERIES: Mapping[str, str] = {
    "runs": """
query {
  runsOrError(limit: 200) { ... on Runs { results {
    runId status jobName runConfigYaml tags { key value }
    eventConnection { events {
      ... on MessageEvent { message level stepKey }
      ... on DisplayableEvent { label description metadataEntries { ...Metadata } }
      ... on ErrorEvent { error { ...Error } }
      ... on ExecutionStepFailureEvent { failureMetadata { metadataEntries { ...Metadata } } }
      ... on AssetCheckEvaluationEvent {
        evaluation { description metadataEntries { ...Metadata } }
      }
    } }
  } } }
}""",
    "assets": """
query {
  assetNodes {
    assetKey { path } description owners { ... on TeamAssetOwner { team } } kinds
    partitionKeys metadataEntries { ...Metadata }
    assetMaterializations(limit: 20) { partition metadataEntries { ...Metadata } }
    assetChecksOrError { ... on AssetChecks { checks {
      name description
      executionForLatestMaterialization { status
        evaluation { description metadataEntries { ...Metadata } } }
    } } }
  }
}""",
    "resources": """
query($repository: RepositorySelector!) {
  allTopLevelResourceDetailsOrError(repositorySelector: $repository) {
    ... on ResourceDetailsList { results {
      name description resourceType configuredValues { key value type }
      configFields { name description defaultValueAsJson }
    } }
  }
}""",
    "automation": """
query($repository: RepositorySelector!) {
  repositoryOrError(repositorySelector: $repository) { ... on Repository {
    sensors { name description sensorState { ...State } }
    schedules { name description scheduleState { ...State } }
  } }
}
fragment State on InstigationState {
  ticks(limit: 100) {
    status skipReason runKeys cursor error { ...Error } logEvents { events { message } }
  }
}""",
    "deployment": "query { instance { info executablePath daemonHealth { allDaemonStatuses "
    "{ daemonType healthy lastHeartbeatErrors { ...Error } } } } }",
}  # fmt: skip

LOGS = """
query($key: [String!]!) { capturedLogs(logKey: $key) { stdout stderr } }
"""

STEPS = """
query {
  runsOrError(limit: 200) { ... on Runs { results {
    runId eventConnection { events { ... on LogsCapturedEvent { logKey fileKey } } }
  } } }
}
"""


def dagster(url: str) -> dict[str, str]:
    """Return the answers to all queries, every run's debug file and captured output, by name.

    Args:
        url: root of the web server.
    """
    with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        told = {f"page {name}": json.dumps(_ask(client, query)) for name, query in QUERIES.items()}
        for run in _ask(client, STEPS)["runsOrError"]["results"]:
            run_id = run["runId"]
            packed = client.get(f"/download_debug/{run_id}").content
            told[f"debug file {run_id}"] = gzip.decompress(packed).decode()
            for event in filter(None, run["eventConnection"]["events"]):
                key = [run_id, "compute_logs", event["fileKey"]]
                told[f"captured output {key}"] = json.dumps(_ask(client, LOGS, key=key))
    return told


def _ask(client: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    wanted = {"repository": REPOSITORY, **variables} if "$" in query else {}
    text = query + "".join(text for name, text in FRAGMENTS.items() if name in query)
    answer = client.post("/graphql", json={"query": text, "variables": wanted}).json()
    assert "errors" not in answer, answer["errors"]
    data: dict[str, Any] = answer["data"]
    return data
