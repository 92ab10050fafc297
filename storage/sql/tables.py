"""The schema: every table, key and index, in SQLAlchemy's terms.

The statements in this package and the comparison with the migrations import it. Each list in its default order has a
keyset index.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    event,
)

from storage import lengths
from storage.lineage import OUTPUT_LINKS
from storage.sql.dialects import partial_index
from storage.sql.types import Bytes, ByteString, ByteText

metadata = MetaData()

_ROWS = "rows"


def _id(name: str = "id", *constraints: ForeignKey, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, ByteString(lengths.ID), *constraints, primary_key=primary_key, nullable=nullable)


def _text(name: str, length: int) -> Column[str]:
    return Column(name, ByteString(length), nullable=False, server_default="")


def _json(name: str) -> Column[str]:
    return Column(name, ByteText)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _rows_where(condition: str) -> dict[str, Any]:
    """Return the `info` of an index of some rows only, where the database has such indexes.

    SQLAlchemy's own argument for it, one per database, would import SQLAlchemy's parts for all databases.
    """
    return {_ROWS: condition}


@event.listens_for(metadata, "before_create")
def _limit_indexes(_tables: MetaData, connection: Connection, **_: Any) -> None:
    """Give indexes of some rows their conditions, on the database where they are made."""
    name = connection.dialect.name
    for index in [index for table in metadata.tables.values() for index in table.indexes if _ROWS in index.info]:
        index.dialect_kwargs.update(partial_index(name, index.info[_ROWS]))


settings = Table(
    "settings",
    metadata,
    Column("name", ByteString(64), primary_key=True),
    Column("value", ByteText, nullable=False),
)

experiments = Table(
    "experiments",
    metadata,
    _id(primary_key=True),
    _text("name", lengths.NAME),
    Column("description", ByteText, nullable=False),
    _text("namespace", lengths.NAMESPACE),
    _text("storage_state", 32),
    _time("created_at"),
    Column("last_run_created_at", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("name", "namespace", name="experiments_name"),
    Index("experiments_created", "created_at", "id"),
)

# A specification is large and shared by all runs of a pipeline version, so it is stored once, with its hash as id.
pipeline_specs = Table(
    "pipeline_specs",
    metadata,
    Column("id", ByteString(64), primary_key=True),
    Column("spec", ByteText, nullable=False),
    _time("created_at"),
)

pipelines = Table(
    "pipelines",
    metadata,
    _id(primary_key=True),
    _text("name", lengths.NAME),
    _text("display_name", lengths.DISPLAY_NAME),
    Column("description", ByteText, nullable=False),
    _text("namespace", lengths.NAMESPACE),
    _time("created_at"),
    UniqueConstraint("name", "namespace", name="pipelines_name"),
    Index("pipelines_created", "created_at", "id"),
)

pipeline_tags = Table(
    "pipeline_tags",
    metadata,
    _id("pipeline_id", ForeignKey("pipelines.id", name="pipeline_tags_pipeline", ondelete="CASCADE"), primary_key=True),
    Column("key", ByteString(lengths.TAG), primary_key=True),
    _text("value", lengths.TAG),
)

pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    _id(primary_key=True),
    _id("pipeline_id", ForeignKey("pipelines.id", name="pipeline_versions_pipeline")),
    _text("name", lengths.VERSION_NAME),
    _text("display_name", lengths.DISPLAY_NAME),
    Column("description", ByteText, nullable=False),
    Column("package_url", ByteText, nullable=False),
    Column("code_source_url", ByteText, nullable=False),
    _text("status", 32),
    Column("pipeline_spec_id", ByteString(64), ForeignKey("pipeline_specs.id", name="pipeline_versions_spec")),
    _time("created_at"),
    UniqueConstraint("pipeline_id", "name", name="pipeline_versions_name"),
    Index("pipeline_versions_created", "pipeline_id", "created_at", "id"),
    Index("pipeline_versions_spec_id", "pipeline_spec_id"),
)

pipeline_version_tags = Table(
    "pipeline_version_tags",
    metadata,
    _id(
        "pipeline_version_id",
        ForeignKey("pipeline_versions.id", name="pipeline_version_tags_version", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", ByteString(lengths.TAG), primary_key=True),
    _text("value", lengths.TAG),
)

runs = Table(
    "runs",
    metadata,
    _id(primary_key=True),
    _id("experiment_id"),  # no foreign key: runs outlive a deleted experiment
    _text("namespace", lengths.NAMESPACE),
    _text("display_name", lengths.DISPLAY_NAME),
    Column("description", ByteText, nullable=False),
    _text("storage_state", 32),
    _text("state", 32),
    Column("state_history", ByteText, nullable=False),
    _text("service_account", lengths.SERVICE_ACCOUNT),
    _text("recurring_run_id", lengths.ID),
    _text("pipeline_id", lengths.ID),
    _text("pipeline_version_id", lengths.ID),
    Column("pipeline_spec_id", ByteString(64), ForeignKey("pipeline_specs.id", name="runs_pipeline_spec")),
    _json("runtime_config"),
    _json("plugins_input"),
    _time("created_at"),
    _time("scheduled_at"),
    _time("finished_at", nullable=True),
    _time("updated_at"),
    Index("runs_created", "created_at", "id"),
    Index("runs_namespace_created", "namespace", "created_at", "id"),
    Index("runs_experiment_created", "experiment_id", "created_at", "id"),
    Index("runs_pipeline_spec_id", "pipeline_spec_id"),
    Index("runs_state_created", "state", "created_at", "id"),
    Index("runs_storage_state_created", "storage_state", "created_at", "id"),
    Index("runs_recurring_created", "recurring_run_id", "created_at", "id", info=_rows_where("recurring_run_id <> ''")),
    Index("runs_pipeline_created", "pipeline_id", "created_at", "id", info=_rows_where("pipeline_id <> ''")),
    Index(
        "runs_version_created", "pipeline_version_id", "created_at", "id", info=_rows_where("pipeline_version_id <> ''")
    ),
    Index("runs_canceled_updated", "state", "updated_at", info=_rows_where("state IN ('CANCELING', 'CANCELED')")),
)

tasks = Table(
    "tasks",
    metadata,
    _id(primary_key=True),
    _id("run_id", ForeignKey("runs.id", name="tasks_run", ondelete="CASCADE")),
    # No foreign key on the parent: tasks are deleted only with their whole run, and MySQL refuses cascades deeper than 15.
    _id("parent_task_id", nullable=True),
    _text("namespace", lengths.NAMESPACE),
    _text("name", lengths.NAME),
    _text("display_name", lengths.DISPLAY_NAME),
    Column("type", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    _text("cache_fingerprint", lengths.FINGERPRINT),
    Column("scope_path", ByteText, nullable=False),
    Column("logical_key", ByteString(64)),
    _json("pods"),
    _json("status_metadata"),
    _json("state_history"),
    _json("type_attributes"),
    _json("input_parameters"),
    _json("output_parameters"),
    _time("created_at"),
    _time("started_at", nullable=True),
    _time("finished_at", nullable=True),
    _time("updated_at"),
    UniqueConstraint("logical_key", name="tasks_logical_key"),
    Index("tasks_run_created", "run_id", "created_at", "id"),
    Index("tasks_run_parent_created", "run_id", "parent_task_id", "created_at", "id"),
    Index(
        "tasks_cached",
        "cache_fingerprint",
        "state",
        "created_at",
        "id",
        info=_rows_where("cache_fingerprint <> ''"),
    ),
)

artifacts = Table(
    "artifacts",
    metadata,
    _id(primary_key=True),
    _text("namespace", lengths.NAMESPACE),
    Column("type", Integer, nullable=False),
    _text("name", lengths.NAME),
    Column("description", ByteText, nullable=False),
    Column("uri", ByteString(lengths.URI)),
    _text("uri_hash", 64),
    _json("metadata"),
    Column("number_value", Double),
    Column("identity_key", ByteString(64)),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("namespace", "identity_key", name="artifacts_identity"),
    Index("artifacts_created", "created_at", "id"),
    Index("artifacts_namespace_created", "namespace", "created_at", "id"),
    Index("artifacts_uri_created", "uri_hash", "namespace", "created_at", "id", info=_rows_where("uri_hash <> ''")),
)

artifact_tasks = Table(
    "artifact_tasks",
    metadata,
    _id(primary_key=True),
    _id("artifact_id", ForeignKey("artifacts.id", name="artifact_tasks_artifact", ondelete="CASCADE")),
    _id("task_id", ForeignKey("tasks.id", name="artifact_tasks_task", ondelete="CASCADE")),
    _id("run_id"),  # that of the task, repeated here for lists by run
    Column("type", Integer, nullable=False),
    _text("key", lengths.KEY),
    Column("iteration", BigInteger, nullable=False),
    Column("producer", ByteText, nullable=False),
    UniqueConstraint("task_id", "type", "key", "iteration", "artifact_id", name="artifact_tasks_link"),
    Index("artifact_tasks_artifact_id", "artifact_id", "id"),
    Index("artifact_tasks_run_id", "run_id", "id"),
    Index("artifact_tasks_producer", "artifact_id", "type", "task_id", info=_rows_where(f"type IN {OUTPUT_LINKS}")),
)

# Answers of calls that brought an idempotency key, kept for when such a call is sent again.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("id", ByteString(64), primary_key=True),  # a digest: keys are random, and of any caller
    Column("content", ByteString(64), nullable=False),
    _text("answer_type", 255),
    Column("answer", Bytes, nullable=False),
    _time("created_at"),
    Index("idempotency_keys_created", "created_at", "id"),
)

# Imports of other stores: one row per source, kept until its import is undone.
import_jobs = Table(
    "import_jobs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("store_id", ByteString(64), nullable=False),
    Column("source", ByteText, nullable=False),
    _json("identity"),
    _json("options"),
    _text("state", 32),
    _json("progress"),
    _time("started_at"),
    _time("updated_at"),
    _time("finished_at", nullable=True),
    UniqueConstraint("store_id", name="import_jobs_store_id"),
)

# The rows that an import wrote, with a digest of each: a row with another digest has been changed by something else.
imported_rows = Table(
    "imported_rows",
    metadata,
    _id("row_id", primary_key=True),  # first, so that rows are found by id, whichever import they come from
    Column(
        "import_id", Integer, primary_key=True, autoincrement=False
    ),  # no foreign key: it would be checked for each row
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("digest", BigInteger, nullable=False),
)
