"""Serving: copies published tables to where analysts work, each target independently.

``tables`` reads dbt's declaration of the schema ``bi``; ``offer`` narrows it to what a target may have; ``contents``
finds the parts of one snapshot of the lake that a target lacks; ``postgres``, ``duckdb_file``, ``parquet_folder`` and
``dlt_destination`` move them; ``serve`` runs one target; ``comparison`` compares it with the lake.
"""
