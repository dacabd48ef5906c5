"""The clustering engine: feature space, choice of the number of clusters, names, drift and stable ids."""
