"""MLMD rows → records of Lineal: pure rules, one idea a file, no I/O."""
