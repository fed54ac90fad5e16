"""DHL: where parcels are, by Shipment Tracking Unified."""

from resources.dhl.system import DHL, DhlConfig, DhlCredentials

__all__ = ["DHL", "DhlConfig", "DhlCredentials"]
