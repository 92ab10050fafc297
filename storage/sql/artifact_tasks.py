"""Statements on the links between artifacts and tasks. See storage.contract for the promises."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select
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


def _unique_key(link: ArtifactTask) -> tuple[str, int, str, int, str]:
    return link.task_id, link.type, link.key, link.iteration, link.artifact_id


class SqlArtifactTasks:
    """Links as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

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
        for column, texts in (("task_id", task_ids), ("run_id", run_ids), ("artifact_id", artifact_ids)):
            if not texts:
                continue
            ids = possible_ids(texts)
            if not ids:
                return Page(rows=[], total_size=0, next=None)
            scope.append(artifact_tasks.c[column].in_(ids))
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
        return await self._linked(artifact_tasks.c.task_id.in_(task_ids))

    async def of_runs(self, run_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Return the links of runs with their artifacts."""
        return await self._linked(artifact_tasks.c.run_id.in_(run_ids))

    async def outlines(self, run_id: str, *, limit: int) -> Sequence[LinkOutline]:
        """Return outlines of a run's first links, by id."""
        statement = (
            select(*_OUTLINE)
            .join(artifacts, artifacts.c.id == artifact_tasks.c.artifact_id)
            .where(artifact_tasks.c.run_id == run_id)
            .order_by(artifact_tasks.c.id)
            .limit(limit)
        )
        return [LinkOutline(*row) for row in (await self._connection.execute(statement)).all()]

    async def _linked(self, scope: ColumnElement[bool]) -> Sequence[LinkedArtifact]:
        statement = select(*_LINKED).join(artifacts, artifacts.c.id == artifact_tasks.c.artifact_id).where(scope)
        cut = len(_COLUMNS)
        return [
            LinkedArtifact(ArtifactTask(*row[:cut]), Artifact(*row[cut:]))
            for row in (await self._connection.execute(statement)).all()
        ]

    async def create(self, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
        """Keep links that are not there yet; return each as it stands, in the order given."""
        if not links:
            return []
        # Sorted by key: two callers who insert the same links must not lock them in opposite order.
        rows = [
            values_of(link)
            for link in sorted({_unique_key(link): link for link in reversed(links)}.values(), key=_unique_key)
        ]
        if len(rows) == 1:
            if await self._dialect.insert_unless_taken(self._connection, artifact_tasks, _UNIQUE, rows[0]):
                return [links[0]] * len(links)
        else:
            await self._connection.execute(self._dialect.insert_or_skip(artifact_tasks, _UNIQUE), rows)
        statement = select(*_COLUMNS).where(
            artifact_tasks.c.task_id.in_({link.task_id for link in links}),
            artifact_tasks.c.artifact_id.in_({link.artifact_id for link in links}),
        )
        stored_links = [ArtifactTask(*row) for row in (await self._connection.execute(statement)).all()]
        links_by_key = {_unique_key(link): link for link in stored_links}
        if any(_unique_key(link) not in links_by_key for link in links):
            raise RowVanished
        return [links_by_key[_unique_key(link)] for link in links]

    async def delete_of_tasks(self, task_ids: Sequence[str]) -> None:
        """Delete the links of tasks; the artifacts stay."""
        await self._connection.execute(delete(artifact_tasks).where(artifact_tasks.c.task_id.in_(task_ids)))
