"""Behavioral clusters: the features, the champion model, and the labels of each month."""
