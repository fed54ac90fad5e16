"""Xentral: articles, orders, delivery notes and tracking numbers of a warehouse."""

from resources.xentral.source import XentralList
from resources.xentral.system import XENTRAL, XentralConfig, XentralCredentials

__all__ = ["XENTRAL", "XentralConfig", "XentralCredentials", "XentralList"]
