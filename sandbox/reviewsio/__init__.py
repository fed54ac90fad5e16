"""The stand-in of REVIEWS.io: reviews of products and merchants, and ratings by SKU."""
