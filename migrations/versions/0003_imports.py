"""Imports of other stores: how far each came, and which rows it wrote."""

import sqlalchemy as sa

from migrations.repeatable_ddl import create_table
from storage.sql.types import ByteString, ByteText

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
readable_since = "0002"


def upgrade() -> None:
    """Create both tables."""
    create_table(
        "import_jobs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("store_id", ByteString(64), nullable=False),
        sa.Column("source", ByteText, nullable=False),
        sa.Column("identity", ByteText, nullable=True),
        sa.Column("options", ByteText, nullable=True),
        sa.Column("state", ByteString(32), nullable=False, server_default=""),
        sa.Column("progress", ByteText, nullable=True),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("store_id", name="import_jobs_store_id"),
    )
    create_table(
        "imported_rows",
        sa.Column("row_id", ByteString(191), primary_key=True, nullable=False),
        sa.Column("import_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")
