"""Logs: batches that a host of deployments sends, delivered as documents to search indexes."""
