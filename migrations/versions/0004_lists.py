"""Indexes of the lists that user interfaces ask for every few seconds, and of the sweep over canceled runs."""

from migrations.repeatable_ddl import NewIndex, replace_indexes

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
readable_since = "0003"

_RUNS = (
    NewIndex("runs_state_created", ("state", "created_at", "id")),
    NewIndex("runs_storage_state_created", ("storage_state", "created_at", "id")),
    NewIndex("runs_recurring_created", ("recurring_run_id", "created_at", "id"), where="recurring_run_id <> ''"),
    NewIndex("runs_pipeline_created", ("pipeline_id", "created_at", "id"), where="pipeline_id <> ''"),
    NewIndex("runs_version_created", ("pipeline_version_id", "created_at", "id"), where="pipeline_version_id <> ''"),
    NewIndex("runs_canceled_updated", ("state", "updated_at"), where="state IN ('CANCELING', 'CANCELED')"),
)
_TASKS = (
    NewIndex("tasks_cached", ("cache_fingerprint", "state", "created_at", "id"), where="cache_fingerprint <> ''"),
)


def upgrade() -> None:
    """Build the new indexes beside readers and writers, then drop those that they replace."""
    replace_indexes("runs", new=_RUNS, old=("runs_recurring", "runs_canceling"))
    replace_indexes("tasks", new=_TASKS, old=("tasks_cache",))


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")
