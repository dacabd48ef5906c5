"""Features to candidate versions of the segments."""
