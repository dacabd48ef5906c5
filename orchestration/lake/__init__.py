"""The lake: connections, the source contract, maintenance, backup, and SQL of a person over it."""
