"""Limits of columns that are smaller than Lineal's, so that ordinary values are refused. For the tests of this folder."""

from tests.databases.queries import execute

SHORT = 300


def limit(url: str, table: str, column: str, characters: int = SHORT) -> None:
    """Let a column take only so many characters."""
    if url.startswith("postgresql"):
        execute(url, f"ALTER TABLE {table} ALTER COLUMN {column} TYPE VARCHAR({characters})")
    elif url.startswith("mysql"):
        execute(url, f"ALTER TABLE {table} ADD CONSTRAINT short CHECK (CHAR_LENGTH({column}) <= {characters})")
    else:
        # The file has no such constraint in its tables, and no limit of texts.
        for event in ("INSERT", "UPDATE"):
            execute(
                url,
                f"CREATE TRIGGER short_{event} BEFORE {event} ON {table} WHEN length(NEW.{column}) > {characters} "
                "BEGIN SELECT RAISE(ABORT, 'short'); END",
            )


def lift(url: str, table: str, column: str) -> None:
    """Remove the limit of a column that may have any length."""
    if url.startswith("postgresql"):
        execute(url, f'ALTER TABLE {table} ALTER COLUMN {column} TYPE TEXT COLLATE "C"')
    elif url.startswith("mysql"):
        execute(url, f"ALTER TABLE {table} DROP CONSTRAINT short")
    else:
        for event in ("INSERT", "UPDATE"):
            execute(url, f"DROP TRIGGER short_{event}")
