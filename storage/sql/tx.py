"""The tables as one connection sees them. SqlStore hands one to each callback.

A table's file is imported, and its statements are built, when the table is first asked for: a server that has started has none.
"""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.dialect import Dialect

if TYPE_CHECKING:
    from storage.sql.artifact_report import SqlArtifactReport
    from storage.sql.artifact_tasks import SqlArtifactTasks
    from storage.sql.artifacts import SqlArtifacts
    from storage.sql.comparison import SqlComparison
    from storage.sql.experiments import SqlExperiments
    from storage.sql.idempotency_keys import SqlIdempotencyKeys
    from storage.sql.lineage import SqlLineage
    from storage.sql.overview import SqlOverview
    from storage.sql.pipeline_versions import SqlPipelineVersions
    from storage.sql.pipelines import SqlPipelines
    from storage.sql.row_ids import SqlRowIds
    from storage.sql.run_report import SqlRunReport
    from storage.sql.runs import SqlRuns
    from storage.sql.search import SqlSearch
    from storage.sql.session import SessionStatements
    from storage.sql.tasks import SqlTasks
    from storage.sql.turn_statements import TurnStatements

TABLES = {
    "artifact_report": "SqlArtifactReport",
    "artifact_tasks": "SqlArtifactTasks",
    "artifacts": "SqlArtifacts",
    "comparison": "SqlComparison",
    "experiments": "SqlExperiments",
    "idempotency_keys": "SqlIdempotencyKeys",
    "lineage": "SqlLineage",
    "overview": "SqlOverview",
    "pipeline_versions": "SqlPipelineVersions",
    "pipelines": "SqlPipelines",
    "row_ids": "SqlRowIds",
    "run_report": "SqlRunReport",
    "runs": "SqlRuns",
    "search": "SqlSearch",
    "tasks": "SqlTasks",
}
"""The class of each table, in the file of its name."""


@cache
def table_class(name: str) -> Any:
    """Import and return the class of a table. Raises KeyError."""
    return getattr(import_module(f"{__package__}.{name}"), TABLES[name])


class SqlTx:
    """The tables as one connection sees them; implements ReadTx and WriteTx."""

    artifact_report: "SqlArtifactReport"
    artifact_tasks: "SqlArtifactTasks"
    artifacts: "SqlArtifacts"
    comparison: "SqlComparison"
    experiments: "SqlExperiments"
    idempotency_keys: "SqlIdempotencyKeys"
    lineage: "SqlLineage"
    overview: "SqlOverview"
    pipeline_versions: "SqlPipelineVersions"
    pipelines: "SqlPipelines"
    row_ids: "SqlRowIds"
    run_report: "SqlRunReport"
    runs: "SqlRuns"
    search: "SqlSearch"
    tasks: "SqlTasks"

    def __init__(self, statements: "SessionStatements | TurnStatements", dialect: Dialect) -> None:
        self._connection = cast(AsyncConnection, statements)  # of which the tables' files call `execute` only
        self._dialect = dialect

    def __getattr__(self, name: str) -> Any:
        """Make a table when it is first asked for."""
        if name not in TABLES:
            raise AttributeError(name)
        table = table_class(name)(self._connection, self._dialect)
        setattr(self, name, table)
        return table
