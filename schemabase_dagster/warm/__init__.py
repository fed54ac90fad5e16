"""The warm process: it has the definitions loaded and forks a child for every run.

An option beside Dagster's stock launcher, which starts a new interpreter for every run and imports
everything anew: over a second of processor time, most of what a first webhook waits for.
``python -m schemabase_dagster.warm`` is the process, ``schemabase_dagster.warm_launcher`` what
``dagster.yaml`` names; docs/operations.md says when it pays.
"""
