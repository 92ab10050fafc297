"""Statements on the links between artifacts and tasks. See storage.contract for the promises."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.ids import possible_ids
from storage.model import Artifact, ArtifactTask, LinkedArtifact, LinkOutline
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import RowVanished, columns_of, values_of
from storage.sql.tables import artifact_tasks, artifacts

_COLUMNS = columns_of(artifact_tasks, ArtifactTask)
_LINKED = [*_COLUMNS, *columns_of(artifacts, Artifact)]
_OF_LINK = [artifact_tasks.c[name] for name in ("task_id", "artifact_id", "type", "key", "producer")]
_OUTLINE = [*_OF_LINK, artifacts.c.type.label("artifact_type"), artifacts.c.uri]  # in the order of LinkOutline
_UNIQUE = ("task_id", "type", "key", "iteration", "artifact_id")
_WITH_ARTIFACTS = artifact_tasks.join(artifacts, artifacts.c.id == artifact_tasks.c.artifact_id)
_OUTLINES = (
    select(*_OUTLINE)
    .select_from(_WITH_ARTIFACTS)
    .where(artifact_tasks.c.run_id == bindparam("run_id"))
    .order_by(artifact_tasks.c.id)
    .limit(bindparam("limit"))
)


class _Statements:
    """Statements on links whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        linked = select(*_LINKED).select_from(_WITH_ARTIFACTS)
        of_tasks = dialect.among(artifact_tasks.c.task_id, "ids")
        self.of_tasks = linked.where(of_tasks)
        self.of_run = linked.where(artifact_tasks.c.run_id == bindparam("run_id"))
        self.of_runs = linked.where(dialect.among(artifact_tasks.c.run_id, "ids"))
        self.between = select(*_COLUMNS).where(of_tasks, dialect.among(artifact_tasks.c.artifact_id, "artifact_ids"))
        self.delete_of_tasks = delete(artifact_tasks).where(of_tasks)


def _unique_key(link: ArtifactTask) -> tuple[str, int, str, int, str]:
    return link.task_id, link.type, link.key, link.iteration, link.artifact_id


class SqlArtifactTasks:
    """Links as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def list(
        self,
        listing: Listing,
        *,
        task_ids: Sequence[str],
        run_ids: Sequence[str],
        artifact_ids: Sequence[str],
        type: int | None,
    ) -> Page[ArtifactTask]:
        """Return a page of links; ids of one kind are alternatives, kinds must all match."""
        scope: list[ColumnElement[bool]] = []
        for name, texts in (("task_id", task_ids), ("run_id", run_ids), ("artifact_id", artifact_ids)):
            if not texts:
                continue
            ids = possible_ids(texts)
            if not ids:
                return Page(rows=[], total_size=0, next=None)
            column = artifact_tasks.c[name]
            # The links of one row are read in index order, those of several rows must be sorted.
            scope.append(column == ids[0] if len(ids) == 1 else self._dialect.among(column, name, ids))
        if type is not None:
            scope.append(artifact_tasks.c.type == type)
        return await page(
            self._connection,
            self._dialect,
            listing,
            table=artifact_tasks,
            columns=_COLUMNS,
            scope=scope,
            record=lambda row: ArtifactTask(*row[:-1]),
        )

    async def of_tasks(self, task_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Return the links of tasks with their artifacts."""
        return await self._find_linked(self._statements.of_tasks, ids=self._dialect.text_list(task_ids))

    async def of_runs(self, run_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Return the links of runs with their artifacts."""
        if len(run_ids) == 1:
            # Runs differ in size by a factor of thousands: for a list, a planner expects average runs, and may read whole tables.
            return await self._find_linked(self._statements.of_run, run_id=run_ids[0])
        return await self._find_linked(self._statements.of_runs, ids=self._dialect.text_list(run_ids))

    async def outlines(self, run_id: str, *, limit: int) -> Sequence[LinkOutline]:
        """Return outlines of a run's first links, by id."""
        rows = (await self._connection.execute(_OUTLINES, {"run_id": run_id, "limit": limit})).all()
        return [LinkOutline(*row) for row in rows]

    async def _find_linked(self, statement: Select[Any], **values: Any) -> Sequence[LinkedArtifact]:
        rows = (await self._connection.execute(statement, values)).all()
        width = len(_COLUMNS)
        return [LinkedArtifact(ArtifactTask(*row[:width]), Artifact(*row[width:])) for row in rows]

    async def create(self, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
        """Insert links that do not exist yet; return each as it is stored, in the order given."""
        if not links:
            return []
        # Sorted by key: two calls that insert the same links must not lock them in opposite order.
        rows = [
            values_of(link)
            for link in sorted({_unique_key(link): link for link in reversed(links)}.values(), key=_unique_key)
        ]
        if len(rows) == 1:
            if await self._dialect.insert_unless_taken(self._connection, artifact_tasks, _UNIQUE, rows[0]):
                return [links[0]] * len(links)
        else:
            await self._connection.execute(self._dialect.insert_or_skip(artifact_tasks, _UNIQUE), rows)
        values = {
            "ids": self._dialect.text_list(sorted({link.task_id for link in links})),
            "artifact_ids": self._dialect.text_list(sorted({link.artifact_id for link in links})),
        }
        stored_links = [
            ArtifactTask(*row) for row in (await self._connection.execute(self._statements.between, values)).all()
        ]
        links_by_key = {_unique_key(link): link for link in stored_links}
        if any(_unique_key(link) not in links_by_key for link in links):
            raise RowVanished
        return [links_by_key[_unique_key(link)] for link in links]

    async def delete_of_tasks(self, task_ids: Sequence[str]) -> None:
        """Delete the links of tasks; the artifacts stay."""
        values = {"ids": self._dialect.text_list(task_ids)}
        await self._connection.execute(self._statements.delete_of_tasks, values)
