"""The clustering engine: features made comparable, how many clusters hold, names, drift and identity."""
