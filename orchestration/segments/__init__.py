"""Segment tables and their versions, and the rows that the Python models read."""
