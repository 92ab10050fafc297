"""`lineal-server demo`: the history that it writes, and what becomes of the file."""
