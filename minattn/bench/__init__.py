"""Benchmarks behind `minattn bench`: workloads in workloads.py, how they are timed in timing.py."""
