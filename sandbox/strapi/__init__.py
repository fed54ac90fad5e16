"""The stand-in of Strapi: bulk orders that an editor keeps, and the webhooks of saving them."""
