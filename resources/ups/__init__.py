"""UPS: where parcels are, by the Track API."""

from resources.ups.system import UPS, UpsConfig, UpsCredentials

__all__ = ["UPS", "UpsConfig", "UpsCredentials"]
