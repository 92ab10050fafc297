"""Further databases of a test."""

from tests.mlmd_import.conftest import make_migrated, make_source_database

__all__ = ["make_migrated", "make_source_database"]
