"""What a per-table file raises when a row it was told of is not there to be read. `SqlStore` alone catches it."""


class RowVanished(Exception):
    """A row kept an insert out and was gone when it was looked for, or another key of it did: run the callback again."""
