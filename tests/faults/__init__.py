"""Real server processes, killed, drained, frozen out and started all at once; real databases, killed and frozen.

cluster.py starts servers, load.py writes through them and checks what is there afterwards, database_faults.py does what
operators and accidents do to a database. `make test` runs a few rounds of each, `make soak` many.
"""
