"""Local stand-ins of the external systems over real HTTP, for the demo, the tests and benchmarks.

The package imports nothing of the product: what it answers comes from the provider documents, so
that a mistake in our client cannot hide behind the same mistake here.
"""
