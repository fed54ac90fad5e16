"""DPD: where parcels are, told by DPD itself with every scan."""

from resources.dpd.system import DPD, DpdConfig

__all__ = ["DPD", "DpdConfig"]
