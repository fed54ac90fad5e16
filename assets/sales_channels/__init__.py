"""Sales channels: where orders are placed."""
