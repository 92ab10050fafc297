"""The tables as one connection sees them. SqlStore hands one to each callback.

What few calls read is imported by the first of them: each file builds its statements when it is imported.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.artifact_tasks import SqlArtifactTasks
from storage.sql.artifacts import SqlArtifacts
from storage.sql.dialects.dialect import Dialect
from storage.sql.experiments import SqlExperiments
from storage.sql.idempotency_keys import SqlIdempotencyKeys
from storage.sql.pipeline_versions import SqlPipelineVersions
from storage.sql.pipelines import SqlPipelines
from storage.sql.row_ids import SqlRowIds
from storage.sql.runs import SqlRuns
from storage.sql.session import SessionStatements
from storage.sql.tasks import SqlTasks
from storage.sql.turn_statements import TurnStatements

if TYPE_CHECKING:
    from storage.sql.artifact_report import SqlArtifactReport
    from storage.sql.comparison import SqlComparison
    from storage.sql.lineage import SqlLineage
    from storage.sql.overview import SqlOverview
    from storage.sql.run_report import SqlRunReport
    from storage.sql.search import SqlSearch


_TABLES: dict[str, Callable[[AsyncConnection, Dialect], Any]] = {
    "experiments": SqlExperiments,
    "pipelines": SqlPipelines,
    "pipeline_versions": SqlPipelineVersions,
    "runs": SqlRuns,
    "tasks": SqlTasks,
    "artifacts": SqlArtifacts,
    "artifact_tasks": SqlArtifactTasks,
}


class SqlTx:
    """The tables as one connection sees them; implements ReadTx and WriteTx."""

    experiments: SqlExperiments
    pipelines: SqlPipelines
    pipeline_versions: SqlPipelineVersions
    runs: SqlRuns
    tasks: SqlTasks
    artifacts: SqlArtifacts
    artifact_tasks: SqlArtifactTasks

    def __init__(self, statements: SessionStatements | TurnStatements, dialect: Dialect) -> None:
        self._connection = cast(AsyncConnection, statements)  # of which the tables' files call `execute` only
        self._dialect = dialect

    def __getattr__(self, name: str) -> Any:
        """Make one of the tables when it is first asked for: most calls need one or two, whose first use builds their statements."""
        if name not in _TABLES:
            raise AttributeError(name)
        table = _TABLES[name](self._connection, self._dialect)
        setattr(self, name, table)
        return table

    @property
    def idempotency_keys(self) -> SqlIdempotencyKeys:
        """Idempotency keys, which many calls do without."""
        return SqlIdempotencyKeys(self._connection, self._dialect)

    @property
    def row_ids(self) -> SqlRowIds:
        """Ids of rows of any kind, which only calls that failed look for."""
        return SqlRowIds(self._connection, self._dialect)

    @property
    def lineage(self) -> "SqlLineage":
        """Links across runs, which few calls read."""
        from storage.sql.lineage import SqlLineage

        return SqlLineage(self._connection, self._dialect)

    @property
    def search(self) -> "SqlSearch":
        """What a search looks through, which few calls read."""
        from storage.sql.search import SqlSearch

        return SqlSearch(self._connection, self._dialect)

    @property
    def comparison(self) -> "SqlComparison":
        """What runs are compared by, which few calls read."""
        from storage.sql.comparison import SqlComparison

        return SqlComparison(self._connection, self._dialect)

    @property
    def overview(self) -> "SqlOverview":
        """What is summed up of runs, which few calls read."""
        from storage.sql.overview import SqlOverview

        return SqlOverview(self._connection, self._dialect)

    @property
    def run_report(self) -> "SqlRunReport":
        """What a page about one run shows, which few calls read."""
        from storage.sql.run_report import SqlRunReport

        return SqlRunReport(self._connection, self._dialect)

    @property
    def artifact_report(self) -> "SqlArtifactReport":
        """What made one artifact, which few calls read."""
        from storage.sql.artifact_report import SqlArtifactReport

        return SqlArtifactReport(self._connection, self._dialect)
