"""Dagster: what runs when, on what, checked how."""
