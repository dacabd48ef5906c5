"""Thin Dagster definitions by stage: ingest → features → segments → publish, and ops beside them."""
