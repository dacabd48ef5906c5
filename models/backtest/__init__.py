"""Predictions from an earlier cut-off beside actual figures."""
