"""Figures, not tests: what calls cost in CPU and time, measured on this machine in one run. `make bench` prints them."""
