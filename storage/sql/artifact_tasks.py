"""Statements on the links between artifacts and tasks. See storage.contract for the promises."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.digests import text_digest
from storage.ids import possible_ids
from storage.model import Artifact, ArtifactTask, LinkedArtifact, LinkOutline
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import RowVanished, columns_of, records, values_of
from storage.sql.tables import artifact_tasks, artifacts

_COLUMNS = columns_of(artifact_tasks, ArtifactTask)
_OF_LINK = ("task_id", "artifact_id", "type", "key", "producer")
_UNIQUE = ("task_id", "type", "key", "iteration", "artifact_id")
_OUTPUT = ("task_id", "type", "key", "iteration")


class _Statements:
    """Statements on links whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        of_run = artifact_tasks.c.run_id == bindparam("run_id")
        self.of_run = self._linked(artifact_tasks, of_run)
        self.of_runs = self._linked(*dialect.rows_among(artifact_tasks, artifact_tasks.c.run_id, "ids"))
        self.of_tasks = self._linked(*dialect.rows_among(artifact_tasks, artifact_tasks.c.task_id, "ids"))
        links, condition = dialect.rows_by_key(artifact_tasks, _UNIQUE)
        self.by_key = select(*columns_of(links, ArtifactTask)).where(condition)
        outputs, is_output = dialect.rows_by_key(artifact_tasks, _OUTPUT)
        self.outputs = select(*columns_of(outputs, ArtifactTask)).where(is_output)
        among, is_among = dialect.rows_among(artifacts, artifacts.c.id, "ids")
        has_uri = dialect.among(among.c.uri_hash, "uri_hashes")
        links = artifact_tasks.alias("link")
        first_link = select(func.min(links.c.id)).where(links.c.artifact_id == among.c.id).scalar_subquery()
        self.with_uris = select(*columns_of(among, Artifact), first_link).where(is_among, has_uri)
        self.delete_of_tasks = delete(artifact_tasks).where(dialect.among(artifact_tasks.c.task_id, "ids"))
        is_linked = artifacts.c.id == artifact_tasks.c.artifact_id
        partners, is_partner = dialect.partners(artifacts, is_linked, columns=("type", "uri"))
        # In the order of LinkOutline.
        columns = [
            *(artifact_tasks.c[name] for name in _OF_LINK),
            partners.c.type.label("artifact_type"),
            partners.c.uri,
        ]
        outlines = select(*columns).select_from(artifact_tasks.join(partners, is_partner)).where(of_run)
        self.outlines = outlines.order_by(artifact_tasks.c.id).limit(bindparam("limit"))

    def _linked(self, links: FromClause, condition: ColumnElement[bool]) -> Select[Any]:
        partners, is_partner = self._dialect.partners(artifacts, artifacts.c.id == links.c.artifact_id)
        columns = [*columns_of(links, ArtifactTask), *columns_of(partners, Artifact)]
        return select(*columns).select_from(links.join(partners, is_partner)).where(condition)


def _unique_key(link: ArtifactTask) -> tuple[str, int, str, int, str]:
    return link.task_id, link.type, link.key, link.iteration, link.artifact_id


def _output_key(link: ArtifactTask) -> tuple[str, int, str, int]:
    return link.task_id, link.type, link.key, link.iteration


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
        kinds = (("task_id", task_ids), ("artifact_id", artifact_ids), ("run_id", run_ids))
        ids_by_name = {name: possible_ids(texts) for name, texts in kinds if texts}
        table: FromClause = artifact_tasks
        scope: list[ColumnElement[bool]] = []
        # The links of one row come in the order of its index, those of several must be sorted.
        if ids_by_name and all(len(ids) > 1 for ids in ids_by_name.values()):
            name = next(iter(ids_by_name))
            links = self._dialect.rows_among(artifact_tasks, artifact_tasks.c[name], name, ids_by_name.pop(name))
            table = links[0]
            scope.append(links[1])
        for name, ids in ids_by_name.items():
            if not ids:
                return Page(rows=[], total_size=0, next=None)
            column = table.c[name]
            scope.append(column == ids[0] if len(ids) == 1 else self._dialect.among(column, name, ids))
        if type is not None:
            scope.append(table.c.type == type)
        return await page(
            self._connection,
            self._dialect,
            listing,
            table=table,
            columns=columns_of(table, ArtifactTask),
            scope=scope,
            record=lambda row: ArtifactTask(*row[:-1]),
        )

    async def of_tasks(self, task_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Return the links of tasks with their artifacts."""
        return await self._find_linked(self._statements.of_tasks, ids=self._dialect.text_list(task_ids))

    async def of_runs(self, run_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Return the links of runs with their artifacts."""
        if len(run_ids) == 1:
            # Runs differ in size by the thousand: for a list a planner expects the average run.
            return await self._find_linked(self._statements.of_run, run_id=run_ids[0])
        return await self._find_linked(self._statements.of_runs, ids=self._dialect.text_list(run_ids))

    async def outlines(self, run_id: str, *, limit: int) -> Sequence[LinkOutline]:
        """Return outlines of a run's first links, by id."""
        rows = (await self._connection.execute(self._statements.outlines, {"run_id": run_id, "limit": limit})).all()
        return [LinkOutline(*row) for row in rows]

    async def outputs(self, links: Sequence[ArtifactTask], uris: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Return those artifacts with one of the uris that are linked as the links say, and were not linked before.

        They come by the ids of their links. The given links' own artifacts and ids do not count.
        """
        keys = {_output_key(link): dict(zip(_OUTPUT, _output_key(link), strict=True)) for link in links}
        values = self._dialect.key_values(_OUTPUT, list(keys.values()))
        rows = (await self._connection.execute(self._statements.outputs, values)).all()
        links_found = [ArtifactTask(*row) for row in rows]
        if not links_found:
            return []
        # Not in the same statement: a uri may be that of many artifacts, and a planner that does not know it begins there.
        ids = self._dialect.text_list(sorted({link.artifact_id for link in links_found}))
        hashes = self._dialect.text_list(sorted({text_digest(uri) for uri in uris}))
        result = await self._connection.execute(self._statements.with_uris, {"ids": ids, "uri_hashes": hashes})
        # By its first link, which is that of the task that made it: ids grow.
        artifacts_by_link = dict(await records(result, lambda row: (row[-1], Artifact(*row[:-1]))))
        links_found.sort(key=lambda link: link.id)
        return [
            LinkedArtifact(link, artifacts_by_link[link.id]) for link in links_found if link.id in artifacts_by_link
        ]

    async def _find_linked(self, statement: Select[Any], **values: Any) -> Sequence[LinkedArtifact]:
        width = len(_COLUMNS)
        result = await self._connection.execute(statement, values)
        return await records(result, lambda row: LinkedArtifact(ArtifactTask(*row[:width]), Artifact(*row[width:])))

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
            await self._dialect.many_rows.insert(self._connection, artifact_tasks, rows, _UNIQUE)
        values = self._dialect.key_values(_UNIQUE, rows)
        result = await self._connection.execute(self._statements.by_key, values)
        stored_links = await records(result, lambda row: ArtifactTask(*row))
        links_by_key = {_unique_key(link): link for link in stored_links}
        if any(_unique_key(link) not in links_by_key for link in links):
            raise RowVanished
        return [links_by_key[_unique_key(link)] for link in links]

    async def create_of_new(self, links: Sequence[ArtifactTask]) -> None:
        """Insert the links of artifacts that are new, too."""
        # Sorted as in `create`: their tasks are locked in this order.
        rows = [values_of(link) for link in sorted(links, key=_unique_key)]
        await self._dialect.many_rows.insert(self._connection, artifact_tasks, rows)

    async def delete_of_tasks(self, task_ids: Sequence[str]) -> None:
        """Delete the links of tasks; the artifacts stay."""
        values = {"ids": self._dialect.text_list(task_ids)}
        await self._connection.execute(self._statements.delete_of_tasks, values)
