"""Stand-in of Zoho Books and Inventory: one port, several organisations."""
