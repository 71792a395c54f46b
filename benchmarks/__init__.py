"""`make bench`: the figures of docs/benchmarks.md, measured side by side in one run. Only ratios travel."""
