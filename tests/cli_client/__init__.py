"""`lineal`, the command of the client: what it prints, and how it ends."""
