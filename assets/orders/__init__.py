"""Sales orders: one row per real order, with its lines and addresses."""
