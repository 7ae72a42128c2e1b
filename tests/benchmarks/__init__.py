"""Timings of hypergeo, with SciPy, R and the official code beside it: ``python -m tests.benchmarks --help``."""
