"""Package events: what carriers tell of parcels, and the state that follows from it."""
