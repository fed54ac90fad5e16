"""Bank accounts: where payments are booked in the books."""
