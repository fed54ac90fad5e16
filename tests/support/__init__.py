"""What tests share: the server, waiting for a condition, reading rows."""
