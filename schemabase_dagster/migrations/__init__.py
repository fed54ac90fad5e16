"""Alembic migrations: ``upgrade`` runs them, ``versions`` holds them, ``freeze`` writes the first."""
