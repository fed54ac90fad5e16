"""schemabase-dagster: one Postgres per tenant, in step with the systems a shop runs on."""

__version__ = "0.1.0"
