"""Thin Dagster definitions by stage: ingest → features → segments → publish → serving, plus actions and ops."""
