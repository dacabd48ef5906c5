"""How fast the pipeline is and how much memory it takes: ``python -m benchmarks``. See docs/benchmarks.md."""
