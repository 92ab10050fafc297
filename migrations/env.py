"""Runs migrations for alembic, on an open connection that `migrations.upgrade` passes in."""

from alembic import context
from sqlalchemy import Column, MetaData, Table

from storage.sql.tables import metadata
from storage.sql.types import ByteString

connection = context.config.attributes["connection"]
# Created here because alembic would name the primary key, and some databases warn about such a name.
version = Table("alembic_version", MetaData(), Column("version_num", ByteString(32), primary_key=True))
version.create(connection, checkfirst=True)
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table="alembic_version",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
