"""The rows that imports wrote, as listed in the table imported_rows, and the same rows as they are now.

Loading, verifying and undoing call this. Every method that reads or removes sends one statement per ID_CHUNK ids.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.refusals import Refusals, ReusedIds
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from storage.model import ArtifactType, TaskType
from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import artifact_tasks, artifacts, imported_rows, tasks

ID_CHUNK = 5000
"""How many ids one statement lists; databases limit the number of bound values."""

_NAMES = ("import_id", "kind", "row_id", "digest")


class Mode(Enum):
    """What an import may assume, and what it may do."""

    FIRST = (
        "nothing of the source was imported when it began: rows that the source has as they were written are not read"
    )
    TRUE_UP = "only adds: nothing is removed, emptied or renamed"
    PRUNE = "rows follow the source"


def chunks(ids: Collection[str]) -> Iterator[list[str]]:
    """Yield ids in ascending order, cut into pieces."""
    sorted_ids = sorted(ids)
    for start in range(0, len(sorted_ids), ID_CHUNK):
        yield sorted_ids[start : start + ID_CHUNK]


@dataclass(frozen=True)
class Ledger:
    """The rows of one import, through one connection."""

    connection: AsyncConnection
    dialect: Dialect
    import_id: int
    mode: Mode = Mode.TRUE_UP
    ids: Ids = field(default_factory=Ids)
    seen: IdSet | None = None
    """The rows of the source in earlier batches; None when nobody asks."""
    met: dict[Kind, set[str]] = field(default_factory=dict)
    """The rows of the source in this batch, by their ids in the store."""
    refusals: Refusals | None = None
    """Gets what the database refuses; None when a refused value is to end the transaction."""
    reused: ReusedIds = field(default_factory=ReusedIds)
    """Gets the rows of the source under ids of other rows that were imported."""

    def meet(self, kind: Kind, ids: Iterable[str]) -> None:
        """Note rows that the source has."""
        if self.seen is not None:
            self.met.setdefault(kind, set()).update(ids)

    def unseen(self, kind: Kind, ids: Collection[str]) -> Collection[str]:
        """Return the ids, among the given ones, that no earlier batch has met."""
        return ids if self.seen is None else self.seen.absent(kind, ids)

    async def digests(self, kind: Kind, ids: Collection[str]) -> dict[str, int]:
        """Return the digests of the rows, among the given ones, that the import wrote."""
        digests: dict[str, int] = {}
        for chunk in chunks(ids):
            statement = select(imported_rows.c.row_id, imported_rows.c.digest).where(
                self._of(kind), imported_rows.c.row_id.in_(chunk)
            )
            digests.update((row_id, value) for row_id, value in await self.connection.execute(statement))
        return digests

    async def digests_of_runs(self, kind: Kind, run_ids: Collection[str]) -> dict[str, int]:
        """Return the digests of the tasks or links of runs that the import wrote and the store still has."""
        table = SHAPES[kind].table
        digests: dict[str, int] = {}
        for chunk in chunks(run_ids):
            statement = (
                select(imported_rows.c.row_id, imported_rows.c.digest)
                .join(table, table.c.id == imported_rows.c.row_id)
                .where(self._of(kind), table.c.run_id.in_(chunk))
            )
            digests.update((row_id, value) for row_id, value in await self.connection.execute(statement))
        return digests

    async def page_of_all(self, after: tuple[str, int], limit: int) -> list[tuple[str, Kind, int]]:
        """Return ids, kinds and digests of the next rows of any kind, by id and kind."""
        columns = imported_rows.c
        row_id, kind = after
        later = or_(columns.row_id > row_id, and_(columns.row_id == row_id, columns.kind > kind))
        statement = (
            select(columns.row_id, columns.kind, columns.digest)
            # The first condition is what the index is searched for.
            .where(columns.row_id >= row_id, later, columns.import_id == self.import_id, columns.kind > 0)
            .order_by(columns.row_id, columns.kind)
            .limit(limit)
        )
        return [(row.row_id, Kind(row.kind), row.digest) for row in await self.connection.execute(statement)]

    async def page(self, kind: Kind, after: str, limit: int) -> list[tuple[str, int]]:
        """Return ids and digests of the next rows, by id."""
        statement = (
            select(imported_rows.c.row_id, imported_rows.c.digest)
            .where(self._of(kind), imported_rows.c.row_id > after)
            .order_by(imported_rows.c.row_id)
            .limit(limit)
        )
        return [(row_id, value) for row_id, value in await self.connection.execute(statement)]

    async def counts(self) -> dict[Kind, int]:
        """Return how many rows of each kind the import has."""
        statement = (
            select(imported_rows.c.kind, func.count())
            .where(imported_rows.c.import_id == self.import_id, imported_rows.c.kind > 0)
            .group_by(imported_rows.c.kind)
        )
        return {Kind(kind): count for kind, count in await self.connection.execute(statement)}

    async def present(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return the ids, among the given ones, that the store has, imported or not."""
        shape, stored_ids = SHAPES[kind], set[str]()
        for chunk in chunks(ids):
            stored_ids.update((await self.connection.execute(select(shape.id).where(shape.id.in_(chunk)))).scalars())
        return stored_ids

    async def rows(self, kind: Kind, ids: Collection[str], *, for_update: bool = False) -> dict[str, Row]:
        """Return rows as they are now, and lock them if `for_update`."""
        shape = SHAPES[kind]
        rows: dict[str, Row] = {}
        for chunk in chunks(ids):
            statement = select(*shape.columns).where(shape.id.in_(chunk)).order_by(shape.id)
            statement = statement.with_for_update() if for_update else statement
            rows.update((row[0], tuple(row)) for row in await self.connection.execute(statement))
        return rows

    async def links_of_tasks(self, task_ids: Collection[str]) -> dict[tuple[Any, ...], str]:
        """Return the ids of all links of tasks, by the columns that are unique together."""
        links = artifact_tasks.c
        ids_by_link: dict[tuple[Any, ...], str] = {}
        for chunk in chunks(task_ids):
            statement = select(
                links.task_id, links.type, links.key, links.iteration, links.artifact_id, links.id
            ).where(links.task_id.in_(chunk))
            ids_by_link.update((tuple(row[:-1]), row[-1]) for row in await self.connection.execute(statement))
        return ids_by_link

    async def link_rows_of_tasks(self, task_ids: Collection[str]) -> dict[str, Row]:
        """Return all links of tasks, whoever wrote them."""
        shape = SHAPES[Kind.LINK]
        rows: dict[str, Row] = {}
        for chunk in chunks(task_ids):
            statement = select(*shape.columns).where(artifact_tasks.c.task_id.in_(chunk))
            rows.update((row[0], tuple(row)) for row in await self.connection.execute(statement))
        return rows

    async def tasks_of_runs(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return the runs of the tasks, of the given runs, that the import wrote and the store still has."""
        task_runs: dict[str, str] = {}
        for chunk in chunks(run_ids):
            statement = (
                select(tasks.c.id, tasks.c.run_id)
                .join(imported_rows, tasks.c.id == imported_rows.c.row_id)
                .where(self._of(Kind.TASK), tasks.c.run_id.in_(chunk))
            )
            task_runs.update((row_id, run_id) for row_id, run_id in await self.connection.execute(statement))
        return task_runs

    async def runs_of_tasks(self, task_ids: Collection[str]) -> dict[str, str]:
        """Return the ids of the runs of tasks that the store has."""
        run_ids: dict[str, str] = {}
        for chunk in chunks(task_ids):
            statement = select(tasks.c.id, tasks.c.run_id).where(tasks.c.id.in_(chunk))
            run_ids.update((row_id, run_id) for row_id, run_id in await self.connection.execute(statement))
        return run_ids

    async def parents_of_tasks_in(self, parent_ids: Collection[str]) -> dict[str, str]:
        """Return the parents of the tasks within groups, by task."""
        parents: dict[str, str] = {}
        for chunk in chunks(parent_ids):
            statement = select(tasks.c.id, tasks.c.parent_task_id).where(tasks.c.parent_task_id.in_(chunk))
            parents.update((row_id, parent_id) for row_id, parent_id in await self.connection.execute(statement))
        return parents

    async def roots_of_runs(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return the ids of the ROOT tasks of runs that the import wrote, by run; the oldest of several."""
        roots: dict[str, str] = {}
        for chunk in chunks(run_ids):
            statement = (
                select(tasks.c.run_id, tasks.c.id)
                .join(imported_rows, tasks.c.id == imported_rows.c.row_id)
                .where(self._of(Kind.TASK), tasks.c.run_id.in_(chunk), tasks.c.type == int(TaskType.ROOT))
                .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
            )
            roots.update((run_id, row_id) for run_id, row_id in await self.connection.execute(statement))
        return roots

    async def names_of_metrics(self, ids: Collection[str]) -> dict[str, str]:
        """Return the names of the artifacts, among the given ones, that are metrics in the store."""
        names: dict[str, str] = {}
        for chunk in chunks(ids):
            statement = select(artifacts.c.id, artifacts.c.name).where(
                artifacts.c.id.in_(chunk), artifacts.c.type == int(ArtifactType.Metric)
            )
            names.update((row_id, name) for row_id, name in await self.connection.execute(statement))
        return names

    async def tasks_of_keys(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of the tasks that have logical keys, by key."""
        ids_by_key: dict[str, str] = {}
        for chunk in chunks(keys):
            statement = select(tasks.c.logical_key, tasks.c.id).where(tasks.c.logical_key.in_(chunk))
            ids_by_key.update((key, row_id) for key, row_id in await self.connection.execute(statement))
        return ids_by_key

    async def apply(self, changes: Changes) -> None:
        """Write the changes of rows of one kind."""
        if changes.removals:
            await self.remove(changes.kind, changes.removals)
        if changes.updates:
            await self.replace(changes.kind, changes.updates, changes.digests)
        if changes.new_rows:
            await self.create(changes.kind, changes.new_rows, changes.digests)

    async def create(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Write new rows."""
        shape, notes = SHAPES[kind], self._notes(kind, rows, digests)
        if kind is Kind.SPEC and self.mode is not Mode.FIRST:
            # One that was deleted with its last run comes back with the next one.
            await self.forget(kind, rows)
        await self.dialect.insert_rows(self.connection, shape.table, shape.names, list(rows.values()))
        await self.dialect.insert_rows(self.connection, imported_rows, _NAMES, notes)

    async def replace(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Write rows of the import again, with other values."""
        shape = SHAPES[kind]
        if kind is Kind.TASK:
            # Keys may move between tasks, and no two tasks may have the same one in between.
            for chunk in chunks(rows):
                await self.connection.execute(update(shape.table).where(shape.id.in_(chunk)).values(logical_key=None))
        if kind is Kind.LINK:
            await self.remove_rows(kind, rows)
            await self.dialect.insert_rows(self.connection, shape.table, shape.names, list(rows.values()))
        else:
            for row_id, row in rows.items():
                values = dict(zip(shape.names, row, strict=True))
                await self.connection.execute(update(shape.table).where(shape.id == row_id).values(values))
        await self.forget(kind, rows)
        await self.dialect.insert_rows(self.connection, imported_rows, _NAMES, self._notes(kind, rows, digests))

    async def remove(self, kind: Kind, ids: Collection[str]) -> None:
        """Delete rows of the import."""
        await self.remove_rows(kind, ids)
        await self.forget(kind, ids)

    async def remove_rows(self, kind: Kind, ids: Collection[str]) -> None:
        """Delete rows, but keep the record that the import wrote them."""
        shape = SHAPES[kind]
        for chunk in chunks(ids):
            await self.connection.execute(delete(shape.table).where(shape.id.in_(chunk)))

    async def forget(self, kind: Kind, ids: Collection[str]) -> None:
        """Remove the record that the import wrote rows."""
        for chunk in chunks(ids):
            await self.connection.execute(
                delete(imported_rows).where(self._of(kind), imported_rows.c.row_id.in_(chunk))
            )

    async def forget_lost(self, kind: Kind) -> None:
        """Remove the record that the import wrote rows, for rows that the store no longer has."""
        row = select(SHAPES[kind].id).where(SHAPES[kind].id == imported_rows.c.row_id)
        await self.connection.execute(delete(imported_rows).where(self._of(kind), ~row.exists()))

    def _notes(self, kind: Kind, rows: Iterable[str], digests: Mapping[str, int]) -> list[tuple[Any, ...]]:
        return [(self.import_id, int(kind), row_id, digests[row_id]) for row_id in rows]

    def _of(self, kind: Kind) -> Any:
        return (imported_rows.c.import_id == self.import_id) & (imported_rows.c.kind == int(kind))


@dataclass(frozen=True)
class DryRunLedger(Ledger):
    """Writes nothing: records in `new_ids` which rows would be written, and treats them as present from then on."""

    new_ids: IdSet = field(kw_only=True)

    async def present(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return the ids, among the given ones, that the store has, or would have after the batches so far."""
        return await super().present(kind, ids) | (set(ids) - set(self.new_ids.absent(kind, ids)))

    async def rows(self, kind: Kind, ids: Collection[str], *, for_update: bool = False) -> dict[str, Row]:
        """Return rows as they are now, without locking them."""
        return await super().rows(kind, ids)

    async def create(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Record new rows of the kinds that can occur in several batches."""
        if kind not in (Kind.TASK, Kind.LINK):
            self.new_ids.add(kind, rows)

    async def replace(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Record rows that would be written again."""
        await self.create(kind, rows, digests)

    async def remove(self, kind: Kind, ids: Collection[str]) -> None:
        """Do nothing."""

    async def forget(self, kind: Kind, ids: Collection[str]) -> None:
        """Do nothing."""
