"""EASYPOST: where parcels of many carriers are, told by EasyPost with every change."""

from resources.easypost.system import EASYPOST, EasyPostConfig

__all__ = ["EASYPOST", "EasyPostConfig"]
