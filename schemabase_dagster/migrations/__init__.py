"""Alembic migrations: ``upgrade`` runs them, ``versions`` holds them."""
