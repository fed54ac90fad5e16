"""The stand-in of Braintree: the XML gateway, its GraphQL endpoint and its fee report."""
