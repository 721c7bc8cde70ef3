"""Benchmarks. Each file offers run() -> rows of (name, value, unit and goal); ratios are of one run on one machine."""
