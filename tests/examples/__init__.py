"""What a newcomer runs first works, on every kind of database."""
