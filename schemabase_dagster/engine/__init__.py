"""The sync engine: pages to raw, raw to core, and the state that moves with them."""
