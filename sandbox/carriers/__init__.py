"""Carriers: DHL and UPS answer for the parcels of all merchants, DPD tells by itself."""
