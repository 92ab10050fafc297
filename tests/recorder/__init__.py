"""Programs that record, and everything that a server then has of them, row by row, on each database."""
