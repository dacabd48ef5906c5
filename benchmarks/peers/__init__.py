"""The pipeline beside what else gives a month of segments from the same files, in one run."""
