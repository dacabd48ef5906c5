"""What the assets call: settings, the lake, the contract, ingestion, versions. Dagster itself stays in ``defs``."""
