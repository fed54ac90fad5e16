"""Products: what variants of one thing belong to, with their types and categories."""
