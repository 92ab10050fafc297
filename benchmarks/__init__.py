"""Benchmarks: the CPU time and latency of calls, measured on this machine in one run. `make bench` prints them."""
