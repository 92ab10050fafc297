"""MLMD rows → records of Lineal: pure functions without I/O, one topic per file."""
