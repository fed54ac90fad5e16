"""Zoho Books and Inventory: one organisation, read through two API roots."""

from resources.zoho.source import ZohoInside, ZohoList
from resources.zoho.system import ZOHO, ZohoConfig, ZohoCredentials

__all__ = ["ZOHO", "ZohoConfig", "ZohoCredentials", "ZohoInside", "ZohoList"]
