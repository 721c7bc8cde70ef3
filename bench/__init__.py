"""Benchmarks that anyone can run: `./run.sh bench [name]`. Ratios within one run, never a timed test."""
