"""The lake: connections, the source contract, maintenance, backup, and read-only queries by users."""
