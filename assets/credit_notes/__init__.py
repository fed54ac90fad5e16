"""Credit notes: what was taken back of what was billed, and what became of that credit."""
