"""Raw tables to point-in-time features, by dbt."""
