"""The promises of storage.contract, each on SQLite, PostgreSQL and MariaDB."""
