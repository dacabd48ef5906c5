"""The steps that make segment tables from a month's features: one module an asset, each with ``make_month``."""
