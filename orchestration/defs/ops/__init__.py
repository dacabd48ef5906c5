"""Resources and upkeep."""
