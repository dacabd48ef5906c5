"""Clusters of behavior: the features, the champion model, and the month's labels."""
