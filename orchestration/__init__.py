"""Dagster: what runs when, on which data, and how it is checked."""
