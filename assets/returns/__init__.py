"""Returns: goods that come back, what of them arrived, and what was credited for them."""
