"""Files and mappings gone wrong at random, by the hundred thousand: what is read must be what is there, or be refused.

``python -m benchmarks.ingest_fuzz --inputs 100000 --seed 1``. ``inputs`` makes them, ``reader`` counts the records of a
file without any code of the pipeline, ``campaign`` compares. The tests run a small share of it.
"""
