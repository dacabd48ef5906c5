"""Addresses, households, work at home and nanobusinesses."""
