"""What benchmarks/spectrum.py runs: workloads, tools and their clock."""
