"""What alembic runs before each migration; `migrations.upgrade` hands it an open connection."""

from alembic import context

from storage.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="alembic_version",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
