"""Records of what was loaded, plans of what to read, and one transaction per table."""
