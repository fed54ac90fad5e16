"""The stand-in of Xentral: the warehouse that packs the merchants' orders."""
