"""Reviews: what customers write about products and about the merchant, and ratings by SKU."""
