"""The webhook gateway: takes deliveries of external systems and commits them to the inbox.

It never imports Dagster, pandas or the engine: it starts in under a second and stays small.
"""
