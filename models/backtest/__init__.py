"""Predictions held against what came after an earlier cut-off."""
