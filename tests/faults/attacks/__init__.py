"""Attacks: what one caller does to stop, starve or fill a server, and how long others wait meanwhile.

Attackers run in a process of their own, by name: attackers.py. witness.py is the caller who only wants to be served. The tests
give each attack a second or two, `make soak` longer; `python -m benchmarks.attacks` makes the table in docs/promises.md.
"""
