"""The test databases: fresh ones for each test, and servers that may be killed.

In tests use the fixtures of fixtures.py: `database_kind`, `database_url`, `migrated_url`. For more than one database:
create_database, create_migrated_database and drop_database. For a server of one's own, inside and outside of pytest:
private_server. Servers come from LINEAL_TEST_POSTGRESQL and LINEAL_TEST_MYSQL, else are started from installed
programs, on loopback, with a random password, and end with the process that opened the session.
"""

from tests.databases.fresh import create_database, create_migrated_database, drop_database, sqlite_path
from tests.databases.kinds import KINDS, chosen_kinds
from tests.databases.private import PrivateServer, ServerDied, private_server
from tests.databases.programs import DatabaseMissing
from tests.databases.session import NoSession

__all__ = [
    "KINDS",
    "DatabaseMissing",
    "NoSession",
    "PrivateServer",
    "ServerDied",
    "chosen_kinds",
    "create_database",
    "create_migrated_database",
    "drop_database",
    "private_server",
    "sqlite_path",
]
