"""Indexes of the walk along links: what made an artifact, though a hundred thousand tasks used it, and the versions of a uri."""

from migrations.repeatable_ddl import NewIndex, replace_indexes

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
readable_since = "0003"

_VERSIONS = NewIndex("artifacts_uri_created", ("uri_hash", "namespace", "created_at", "id"), where="uri_hash <> ''")
_PRODUCERS = NewIndex(
    "artifact_tasks_producer", ("artifact_id", "type", "task_id"), where="type IN (8, 9, 10, 11, 101, 104, 106, 107)"
)


def upgrade() -> None:
    """Build the new indexes beside readers and writers, then drop the one that is replaced."""
    replace_indexes("artifacts", new=(_VERSIONS,), old=("artifacts_uri",))
    replace_indexes("artifact_tasks", new=(_PRODUCERS,))


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")
