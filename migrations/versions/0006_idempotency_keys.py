"""Answers of calls that brought an idempotency key, kept for when such a call is sent again."""

import sqlalchemy as sa

from migrations.repeatable_ddl import NewIndex, create_table
from storage.sql.types import Bytes, ByteString

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
readable_since = "0003"


def upgrade() -> None:
    """Create the table; programs of before answer calls with a key as if they had none."""
    create_table(
        "idempotency_keys",
        sa.Column("id", ByteString(64), primary_key=True),
        sa.Column("content", ByteString(64), nullable=False),
        sa.Column("answer_type", ByteString(255), nullable=False, server_default=""),
        sa.Column("answer", Bytes, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        indexes=(NewIndex("idempotency_keys_created", ("created_at", "id")),),
    )


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")
