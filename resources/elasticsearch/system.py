"""ELASTICSEARCH: what an app of type ``elasticsearch`` is configured with."""

from typing import Any, Final, Self

from pydantic import Field, SecretStr, model_validator

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System

LARGEST_REQUEST: Final = 100 * 1024 * 1024
"""Default of Elasticsearch's own ``http.max_content_length``."""


class ElasticsearchConfig(AppConfig):
    """Configuration of an Elasticsearch app; no secret."""

    url: BaseUrl = Field(description="Address of the cluster")
    index: str = Field(
        "logs-vercel-logdrain",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,200}$",
        description="Index or data stream that takes the documents",
    )
    max_request_bytes: int = Field(
        5 * 1024 * 1024, ge=1024, le=LARGEST_REQUEST, description="Largest bulk request"
    )
    max_request_documents: int = Field(
        1000, ge=1, le=10_000, description="Most documents in a bulk request"
    )


class ElasticsearchCredentials(AppCredentials, hide_input_in_errors=True):
    """A user with password, or an API key as Kibana shows it (encoded); either may only write."""

    username: SecretStr | None = Field(None, min_length=1)
    password: SecretStr | None = Field(None, min_length=1)
    api_key: SecretStr | None = Field(None, min_length=8)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        given = (self.username is not None, self.password is not None, self.api_key is not None)
        if given not in {(True, True, False), (False, False, True)}:
            raise ValueError("give username and password, or api_key")
        return self


def _instance_key(config: Any) -> str:
    return f"{config.url.partition('://')[2]}/{config.index}"


ELASTICSEARCH: Final = System(
    name="elasticsearch",
    title="Elasticsearch",
    role="logs",
    config=ElasticsearchConfig,
    credentials=ElasticsearchCredentials,
    instance_key=_instance_key,
)
