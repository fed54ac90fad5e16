"""EasyPostResource: EasyPost on Dagster's resource page."""

from resources import silent


class EasyPostResource(silent.SilentResource):
    """EasyPost: where parcels of many carriers are. It sends the whole history with every change.

    Nothing is asked for: there is no call, no limit and no credential.
    """
