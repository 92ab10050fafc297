"""The comparison of runs: what is read of them, what it says of each, and rows of it."""
