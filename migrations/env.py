"""Runs migrations for alembic, on an open connection that `migrations.upgrade` passes in."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo
from alembic.script import Script
from sqlalchemy import Column, MetaData, Table, insert, update

from migrations.upgrade import READABLE_SINCE, VERSION_TABLE
from storage.sql.tables import metadata, settings
from storage.sql.types import ByteString

connection = context.config.attributes["connection"]
# Created here because alembic would name the primary key, and some databases warn about such a name.
version = Table(VERSION_TABLE, MetaData(), Column("version_num", ByteString(32), primary_key=True))
version.create(connection, checkfirst=True)
connection.commit()


def note_readable_since(*, step: MigrationInfo, **_: Any) -> None:
    """Write down, in the transaction of a step, programs of which revision can still use the schema."""
    script = step.up_revision
    assert isinstance(script, Script), "the schema only moves forward"
    value = {"value": script.module.readable_since}
    changed = connection.execute(update(settings).where(settings.c.name == READABLE_SINCE).values(value))
    if not changed.rowcount:
        connection.execute(insert(settings).values(name=READABLE_SINCE, **value))


# Each step in a transaction of its own: one that builds indexes while others write commits what came before it.
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transaction_per_migration=True,
    on_version_apply=note_readable_since,  # type: ignore[arg-type]  # it is called with keywords
)
with context.begin_transaction():
    context.run_migrations()
