"""DpdResource: DPD on Dagster's resource page."""

from resources import silent


class DpdResource(silent.SilentResource):
    """DPD: where parcels are. DPD tells it by itself, with a GET to the gateway for every scan.

    Nothing is asked for: there is no call, no limit and no credential.
    """
