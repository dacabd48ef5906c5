"""Sources to raw tables."""
