"""Commands of ``segmentation`` by group, one module each, and what all commands share."""
