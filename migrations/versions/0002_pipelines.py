"""Pipelines, their versions, and the tags of both."""

import sqlalchemy as sa

from migrations.repeatable_ddl import NewIndex, create_table
from storage.sql.types import ByteString, ByteText

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
readable_since = "0002"


def upgrade() -> None:
    """Create the four tables; specifications stay in the table that runs share."""
    _pipelines()
    _versions()


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")


def _id(name: str = "id", *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, ByteString(191), primary_key=primary_key, nullable=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, ByteString(length), nullable=False, server_default="")


def _long(name: str) -> sa.Column[str]:
    return sa.Column(name, ByteText, nullable=False)


def _pipelines() -> None:
    create_table(
        "pipelines",
        _id(primary_key=True),
        _text("name", 128),
        _text("display_name", 1024),
        _long("description"),
        _text("namespace", 63),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name", "namespace", name="pipelines_name"),
        indexes=(NewIndex("pipelines_created", ("created_at", "id")),),
    )
    create_table(
        "pipeline_tags",
        _id("pipeline_id", primary_key=True),
        sa.Column("key", ByteString(63), primary_key=True),
        _text("value", 63),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.id"], name="pipeline_tags_pipeline", ondelete="CASCADE"),
    )


def _versions() -> None:
    create_table(
        "pipeline_versions",
        _id(primary_key=True),
        _id("pipeline_id"),
        _text("name", 127),
        _text("display_name", 1024),
        _long("description"),
        _long("package_url"),
        _long("code_source_url"),
        _text("status", 32),
        sa.Column("pipeline_spec_id", ByteString(64), nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.id"], name="pipeline_versions_pipeline"),
        sa.ForeignKeyConstraint(["pipeline_spec_id"], ["pipeline_specs.id"], name="pipeline_versions_spec"),
        sa.UniqueConstraint("pipeline_id", "name", name="pipeline_versions_name"),
        indexes=(
            NewIndex("pipeline_versions_created", ("pipeline_id", "created_at", "id")),
            NewIndex("pipeline_versions_spec_id", ("pipeline_spec_id",)),
        ),
    )
    create_table(
        "pipeline_version_tags",
        _id("pipeline_version_id", primary_key=True),
        sa.Column("key", ByteString(63), primary_key=True),
        _text("value", 63),
        sa.ForeignKeyConstraint(
            ["pipeline_version_id"], ["pipeline_versions.id"], name="pipeline_version_tags_version", ondelete="CASCADE"
        ),
    )
