"""Serving: what is published goes to where analysts are, each target by itself.

``tables`` reads what there is to serve from dbt's declaration of the schema ``bi``; ``offer`` narrows it to what a
target may have; ``contents`` tells, of one snapshot of the lake, which parts a target lacks; ``postgres``,
``duckdb_file`` and ``parquet_folder`` move them; ``serve`` runs one target; ``comparison`` compares it with the lake.
"""
