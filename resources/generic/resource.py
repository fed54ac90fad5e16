"""GenericResource: senders without a module of their own, on Dagster's resource page."""

from resources import silent


class GenericResource(silent.SilentResource):
    """Any other sender of webhooks: what it sends is verified, kept once, and readable in raw.

    Nothing is asked for: there is no call, no limit and no credential.
    """
