"""Runs, tasks, artifacts and their links; experiments with the default one; settings with the page token key."""

import secrets
import time

import sqlalchemy as sa
from alembic import op

from migrations.repeatable_ddl import NewIndex, create_table
from storage.ids import new_id
from storage.sql.types import ByteString, ByteText

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
readable_since = "0001"

DEFAULT_NAME = "Default"
# The words are those clients of Kubeflow Pipelines know.
DEFAULT_DESCRIPTION = "All runs created without specifying an experiment will be grouped here."


def upgrade() -> None:
    """Create the tables, then the rows that a store needs before its first call."""
    _settings_and_experiments()
    _runs()
    _tasks()
    _artifacts()
    _first_rows()


def downgrade() -> None:
    """Refuse: the schema only moves forward."""
    raise NotImplementedError("Lineal's schema only moves forward; restore a backup to go back")


def _id(name: str = "id", *items: sa.ForeignKey, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, ByteString(191), *items, primary_key=primary_key, nullable=nullable)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, ByteString(length), nullable=False, server_default="")


def _long(name: str, *, nullable: bool) -> sa.Column[str]:
    return sa.Column(name, ByteText, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _settings_and_experiments() -> None:
    create_table(
        "settings",
        sa.Column("name", ByteString(64), primary_key=True),
        _long("value", nullable=False),
    )
    create_table(
        "experiments",
        _id(primary_key=True),
        _text("name", 128),
        _long("description", nullable=False),
        _text("namespace", 63),
        _text("storage_state", 32),
        _time("created_at"),
        sa.Column("last_run_created_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.UniqueConstraint("name", "namespace", name="experiments_name"),
        indexes=(NewIndex("experiments_created", ("created_at", "id")),),
    )


def _runs() -> None:
    create_table(
        "pipeline_specs",
        sa.Column("id", ByteString(64), primary_key=True),
        _long("spec", nullable=False),
        _time("created_at"),
    )
    create_table(
        "runs",
        _id(primary_key=True),
        _id("experiment_id"),
        _text("namespace", 63),
        _text("display_name", 1024),
        _long("description", nullable=False),
        _text("storage_state", 32),
        _text("state", 32),
        _long("state_history", nullable=False),
        _text("service_account", 255),
        _text("recurring_run_id", 191),
        _text("pipeline_id", 191),
        _text("pipeline_version_id", 191),
        sa.Column("pipeline_spec_id", ByteString(64), nullable=True),
        _long("runtime_config", nullable=True),
        _long("plugins_input", nullable=True),
        _time("created_at"),
        _time("scheduled_at"),
        _time("finished_at", nullable=True),
        _time("updated_at"),
        sa.ForeignKeyConstraint(["pipeline_spec_id"], ["pipeline_specs.id"], name="runs_pipeline_spec"),
        indexes=(
            NewIndex("runs_created", ("created_at", "id")),
            NewIndex("runs_namespace_created", ("namespace", "created_at", "id")),
            NewIndex("runs_experiment_created", ("experiment_id", "created_at", "id")),
            NewIndex("runs_pipeline_spec_id", ("pipeline_spec_id",)),
            NewIndex("runs_recurring", ("recurring_run_id",), where="recurring_run_id <> ''"),
            NewIndex("runs_canceling", ("state", "updated_at"), where="state = 'CANCELING'"),
        ),
    )


def _tasks() -> None:
    create_table(
        "tasks",
        _id(primary_key=True),
        _id("run_id"),
        _id("parent_task_id", nullable=True),
        _text("namespace", 63),
        _text("name", 128),
        _text("display_name", 1024),
        sa.Column("type", sa.Integer, nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        _text("cache_fingerprint", 255),
        _long("scope_path", nullable=False),
        sa.Column("logical_key", ByteString(64), nullable=True),
        *(
            _long(name, nullable=True)
            for name in (
                "pods",
                "status_metadata",
                "state_history",
                "type_attributes",
                "input_parameters",
                "output_parameters",
            )
        ),
        _time("created_at"),
        _time("started_at", nullable=True),
        _time("finished_at", nullable=True),
        _time("updated_at"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="tasks_run", ondelete="CASCADE"),
        sa.UniqueConstraint("logical_key", name="tasks_logical_key"),
        indexes=(
            NewIndex("tasks_run_created", ("run_id", "created_at", "id")),
            NewIndex("tasks_run_parent_created", ("run_id", "parent_task_id", "created_at", "id")),
            NewIndex(
                "tasks_cache",
                ("cache_fingerprint", "state", "namespace", "created_at", "id"),
                where="cache_fingerprint <> ''",
            ),
        ),
    )


def _artifacts() -> None:
    create_table(
        "artifacts",
        _id(primary_key=True),
        _text("namespace", 63),
        sa.Column("type", sa.Integer, nullable=False),
        _text("name", 128),
        _long("description", nullable=False),
        sa.Column("uri", ByteString(2048), nullable=True),
        _text("uri_hash", 64),
        _long("metadata", nullable=True),
        sa.Column("number_value", sa.Double, nullable=True),
        sa.Column("identity_key", ByteString(64), nullable=True),
        _time("created_at"),
        _time("updated_at"),
        sa.UniqueConstraint("namespace", "identity_key", name="artifacts_identity"),
        indexes=(
            NewIndex("artifacts_created", ("created_at", "id")),
            NewIndex("artifacts_namespace_created", ("namespace", "created_at", "id")),
            NewIndex("artifacts_uri", ("uri_hash", "namespace"), where="uri_hash <> ''"),
        ),
    )
    create_table(
        "artifact_tasks",
        _id(primary_key=True),
        _id("artifact_id"),
        _id("task_id"),
        _id("run_id"),
        sa.Column("type", sa.Integer, nullable=False),
        _text("key", 191),
        sa.Column("iteration", sa.BigInteger, nullable=False),
        _long("producer", nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="artifact_tasks_artifact", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="artifact_tasks_task", ondelete="CASCADE"),
        sa.UniqueConstraint("task_id", "type", "key", "iteration", "artifact_id", name="artifact_tasks_link"),
        indexes=(
            NewIndex("artifact_tasks_artifact_id", ("artifact_id", "id")),
            NewIndex("artifact_tasks_run_id", ("run_id", "id")),
        ),
    )


def _first_rows() -> None:
    bind = op.get_bind()
    settings = sa.table("settings", sa.column("name"), sa.column("value"))
    if bind.execute(sa.select(settings.c.name).limit(1)).first() is not None:
        return  # an earlier attempt came this far: its rows were written in one statement below
    now = time.time_ns() // 1000
    experiments = sa.table(
        "experiments",
        *(sa.column(name) for name in ("id", "name", "description", "namespace", "storage_state", "created_at")),
    )
    found = bind.execute(sa.select(experiments.c.id).where(experiments.c.name == DEFAULT_NAME)).scalar()
    default_id = found or new_id()
    if found is None:
        row = {"id": default_id, "name": DEFAULT_NAME, "description": DEFAULT_DESCRIPTION, "namespace": ""}
        bind.execute(experiments.insert().values(**row, storage_state="AVAILABLE", created_at=now))
    bind.execute(
        settings.insert().values(
            [
                {"name": "page_token_key", "value": secrets.token_hex(32)},
                {"name": "default_experiment_id", "value": default_id},
            ]
        )
    )
