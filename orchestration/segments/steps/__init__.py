"""The steps that make segment tables from a month's features: one module per asset, each with ``make_month``."""
