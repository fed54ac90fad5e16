"""Stand-in of Saleor: one shop per port."""
