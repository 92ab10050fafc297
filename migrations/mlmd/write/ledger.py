"""The rows that imports wrote, as listed in the table imported_rows, and the same rows as they are now.

Loading, verifying and undoing call this. Every method that reads or removes sends one statement per ID_CHUNK ids.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.refusals import ReusedIds
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from migrations.mlmd.write.target import Overtaken
from storage.model import ArtifactType, TaskType
from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import artifact_tasks, artifacts, imported_rows, tasks

ID_CHUNK = 5000
"""How many ids one statement lists; databases limit the number of bound values."""

_KINDS = {int(kind): kind for kind in Kind}

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
    reused: ReusedIds = field(default_factory=ReusedIds)
    """Gets the rows of the source under ids of other rows that were imported."""
    known: dict[Kind, dict[str, Row | None]] = field(default_factory=dict)
    """Rows that were read before in this transaction, None for those that the store does not have."""

    def meet(self, kind: Kind, ids: Iterable[str]) -> None:
        """Note rows that the source has."""
        if self.seen is not None:
            self.met.setdefault(kind, set()).update(ids)

    def unseen(self, kind: Kind, ids: Collection[str]) -> Collection[str]:
        """Return the ids, among the given ones, that no earlier batch has met."""
        return ids if self.seen is None else self.seen.absent(kind, ids)

    def seen_counts(self) -> dict[Kind, int]:
        """Return how many rows of each kind the earlier batches have met."""
        return {} if self.seen is None else {kind: self.seen.count(kind) for kind in Kind}

    async def digests(self, kind: Kind, ids: Collection[str]) -> dict[str, int]:
        """Return the digests of the rows, among the given ones, that the import wrote."""
        digests: dict[str, int] = {}
        for chunk in chunks(ids):
            statement = select(imported_rows.c.row_id, imported_rows.c.digest).where(
                self._of(kind), self._among(imported_rows.c.row_id, chunk)
            )
            digests.update((row_id, value) for row_id, value in await self._all(statement))
        return digests

    async def digests_of_runs(self, kind: Kind, run_ids: Collection[str]) -> dict[str, int]:
        """Return the digests of the tasks or links of runs that the import wrote and the store still has."""
        table = SHAPES[kind].table
        digests: dict[str, int] = {}
        for chunk in chunks(run_ids):
            statement = (
                select(imported_rows.c.row_id, imported_rows.c.digest)
                .join(table, table.c.id == imported_rows.c.row_id)
                .where(self._of(kind), self._among(table.c.run_id, chunk))
            )
            digests.update((row_id, value) for row_id, value in await self._all(statement))
        return digests

    async def page_of_all(
        self, kinds: Collection[Kind], after: tuple[str, int], limit: int
    ) -> list[tuple[str, Kind, int]]:
        """Return ids, kinds and digests of the next rows of some kinds, by id and kind."""
        columns = imported_rows.c
        row_id, kind = after
        later = or_(columns.row_id > row_id, and_(columns.row_id == row_id, columns.kind > kind))
        statement = (
            select(columns.row_id, columns.kind, columns.digest)
            # The first condition is what the index is searched for.
            .where(columns.row_id >= row_id, later, columns.import_id == self.import_id)
            .where(columns.kind.in_(sorted(map(int, kinds))))
            .order_by(columns.row_id, columns.kind)
            .limit(limit)
        )
        rows = await self._all(statement)
        return [(row_id, _KINDS[kind], value) for row_id, kind, value in rows]

    async def page(self, kind: Kind, after: str, limit: int) -> list[tuple[str, int]]:
        """Return ids and digests of the next rows, by id."""
        statement = (
            select(imported_rows.c.row_id, imported_rows.c.digest)
            .where(self._of(kind), imported_rows.c.row_id > after)
            .order_by(imported_rows.c.row_id)
            .limit(limit)
        )
        return [(row_id, value) for row_id, value in await self._all(statement)]

    async def counts(self) -> dict[Kind, int]:
        """Return how many rows of each kind the import has."""
        statement = (
            select(imported_rows.c.kind, func.count())
            .where(imported_rows.c.import_id == self.import_id, imported_rows.c.kind > 0)
            .group_by(imported_rows.c.kind)
        )
        return {Kind(kind): count for kind, count in await self._all(statement)}

    async def present(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return the ids, among the given ones, that the store has, imported or not."""
        shape, stored_ids = SHAPES[kind], set[str]()
        for chunk in chunks(ids):
            stored_ids.update(
                (await self.connection.execute(select(shape.id).where(self._among(shape.id, chunk)))).scalars()
            )
        return stored_ids

    async def rows(self, kind: Kind, ids: Collection[str], *, for_update: bool = False) -> dict[str, Row]:
        """Return rows as they are now, and lock them if `for_update`."""
        shape, known = SHAPES[kind], {} if for_update else self.known.get(kind, {})
        rows: dict[str, Row] = {}
        for chunk in chunks([id for id in ids if id not in known]):
            statement = select(*shape.columns).where(self._among(shape.id, chunk)).order_by(shape.id)
            statement = statement.with_for_update() if for_update else statement
            rows.update((row[0], tuple(row)) for row in await self._all(statement))
        return rows | {id: row for id in ids if (row := known.get(id)) is not None} if known else rows

    async def links_of_tasks(self, task_ids: Collection[str]) -> dict[tuple[Any, ...], str]:
        """Return the ids of all links of tasks, by the columns that are unique together."""
        links = artifact_tasks.c
        ids_by_link: dict[tuple[Any, ...], str] = {}
        for chunk in chunks(task_ids):
            statement = select(
                links.task_id, links.type, links.key, links.iteration, links.artifact_id, links.id
            ).where(self._among(links.task_id, chunk))
            ids_by_link.update((tuple(row[:-1]), row[-1]) for row in await self._all(statement))
        return ids_by_link

    async def link_rows(self, task_ids: Collection[str], ids: Set[str]) -> dict[str, Row]:
        """Return all links of tasks, whoever wrote them, and links with ids; later calls of `rows` do not read these again."""
        shape = SHAPES[Kind.LINK]
        rows: dict[str, Row] = {}
        for chunk in chunks(task_ids):
            statement = select(*shape.columns).where(self._among(artifact_tasks.c.task_id, chunk))
            rows.update((row[0], tuple(row)) for row in await self._all(statement))
        rows |= await self.rows(Kind.LINK, ids - rows.keys())
        self.known.setdefault(Kind.LINK, {}).update(dict.fromkeys(ids) | rows)
        return rows

    async def tasks_of_runs(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return the runs of the tasks, of the given runs, that the import wrote and the store still has."""
        task_runs: dict[str, str] = {}
        for chunk in chunks(run_ids):
            statement = (
                select(tasks.c.id, tasks.c.run_id)
                .join(imported_rows, tasks.c.id == imported_rows.c.row_id)
                .where(self._of(Kind.TASK), self._among(tasks.c.run_id, chunk))
            )
            task_runs.update((row_id, run_id) for row_id, run_id in await self._all(statement))
        return task_runs

    async def runs_of_tasks(self, task_ids: Collection[str]) -> dict[str, str]:
        """Return the ids of the runs of tasks that the store has."""
        run_ids: dict[str, str] = {}
        for chunk in chunks(task_ids):
            statement = select(tasks.c.id, tasks.c.run_id).where(self._among(tasks.c.id, chunk))
            run_ids.update((row_id, run_id) for row_id, run_id in await self._all(statement))
        return run_ids

    async def parents_of_tasks_in(self, parent_ids: Collection[str]) -> dict[str, str]:
        """Return the parents of the tasks within groups, by task."""
        parents: dict[str, str] = {}
        for chunk in chunks(parent_ids):
            statement = select(tasks.c.id, tasks.c.parent_task_id).where(self._among(tasks.c.parent_task_id, chunk))
            parents.update((row_id, parent_id) for row_id, parent_id in await self._all(statement))
        return parents

    async def roots_of_runs(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return the ids of the ROOT tasks of runs that the import wrote, by run; the oldest of several."""
        roots: dict[str, str] = {}
        for chunk in chunks(run_ids):
            statement = (
                select(tasks.c.run_id, tasks.c.id)
                .join(imported_rows, tasks.c.id == imported_rows.c.row_id)
                .where(self._of(Kind.TASK), self._among(tasks.c.run_id, chunk), tasks.c.type == int(TaskType.ROOT))
                .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
            )
            roots.update((run_id, row_id) for run_id, row_id in await self._all(statement))
        return roots

    async def names_of_metrics(self, ids: Collection[str]) -> dict[str, str]:
        """Return the names of the artifacts, among the given ones, that are metrics in the store."""
        names: dict[str, str] = {}
        for chunk in chunks(ids):
            statement = select(artifacts.c.id, artifacts.c.name).where(
                self._among(artifacts.c.id, chunk), artifacts.c.type == int(ArtifactType.Metric)
            )
            names.update((row_id, name) for row_id, name in await self._all(statement))
        return names

    async def tasks_of_keys(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of the tasks that have logical keys, by key."""
        ids_by_key: dict[str, str] = {}
        for chunk in chunks(keys):
            statement = select(tasks.c.logical_key, tasks.c.id).where(self._among(tasks.c.logical_key, chunk))
            ids_by_key.update((key, row_id) for key, row_id in await self._all(statement))
        return ids_by_key

    async def apply(self, all_changes: Sequence[Changes]) -> None:
        """Write changes, parents before what refers to them. Raises Overtaken when a row is not as it was read."""
        await self.begin(all_changes)
        for changes in all_changes:
            if changes.updates:
                await self.replace(changes)
            if changes.new_rows:
                await self.create(changes)

    async def begin(self, all_changes: Sequence[Changes]) -> None:
        """Lock what is changed, and remove what is removed. Raises Overtaken when a row is not as it was read."""
        for changes in all_changes:
            await self._lock(changes)
        for changes in reversed(all_changes):
            # The database removes the links of a task with the task.
            if changes.removals:
                await self.remove(changes.kind, changes.removals)

    async def _lock(self, changes: Changes) -> None:
        """Lock the rows that are changed until the transaction ends."""
        kind, before = changes.kind, changes.before
        ids = [*changes.updates, *changes.removals]
        rows = await self.rows(kind, ids, for_update=True) if ids else {}
        if rows != before and digests(kind, rows) != digests(kind, before):
            raise Overtaken

    async def create(self, changes: Changes) -> None:
        """Write new rows."""
        kind, rows = changes.kind, changes.new_rows
        if kind is Kind.SPEC and self.mode is not Mode.FIRST:
            # One that was deleted with its last run comes back with the next one.
            await self.forget(kind, rows)
        await self._insert(kind, rows)
        await self._note(kind, rows, changes.digests)

    async def replace(self, changes: Changes) -> None:
        """Write rows of the import again, with other values, in a number of statements that does not depend on theirs."""
        kind, rows = changes.kind, changes.updates
        shape = SHAPES[kind]
        if kind is Kind.TASK:
            await self.free_keys(rows, changes.before)
        if kind is Kind.LINK:
            await self.remove_rows(kind, rows)
            await self._insert(kind, rows)
        else:
            await self.dialect.update_rows(self.connection, shape.table, shape.names, list(rows.values()))
        await self.forget(kind, rows)
        await self._note(kind, rows, changes.digests)

    async def free_keys(self, rows: Mapping[str, Row], before: Mapping[str, Row]) -> None:
        """Empty the logical keys that move between tasks: no two tasks may have the same one in between."""
        place = SHAPES[Kind.TASK].names.index("logical_key")
        moved = [id for id, row in rows.items() if before[id][place] not in (None, row[place])]
        for chunk in chunks(moved):
            emptied = update(tasks).where(self._among(tasks.c.id, chunk)).values(logical_key=None)
            await self.connection.execute(emptied)

    async def _insert(self, kind: Kind, rows: Mapping[str, Row]) -> None:
        shape = SHAPES[kind]
        await self.dialect.insert_rows(self.connection, shape.table, shape.names, list(rows.values()))

    async def _note(self, kind: Kind, rows: Iterable[str], digests: Mapping[str, int]) -> None:
        """Record that the import wrote rows."""
        notes = [(self.import_id, int(kind), row_id, digests[row_id]) for row_id in rows]
        await self.dialect.insert_rows(self.connection, imported_rows, _NAMES, notes)

    async def remove(self, kind: Kind, ids: Collection[str]) -> None:
        """Delete rows of the import."""
        await self.remove_rows(kind, ids)
        await self.forget(kind, ids)

    async def remove_rows(self, kind: Kind, ids: Collection[str]) -> None:
        """Delete rows, but keep the record that the import wrote them."""
        shape = SHAPES[kind]
        for chunk in chunks(ids):
            await self.connection.execute(delete(shape.table).where(self._among(shape.id, chunk)))

    async def forget(self, kind: Kind, ids: Collection[str]) -> None:
        """Remove the record that the import wrote rows."""
        for chunk in chunks(ids):
            await self.connection.execute(
                delete(imported_rows).where(self._of(kind), self._among(imported_rows.c.row_id, chunk))
            )

    async def forget_lost(self, kind: Kind) -> None:
        """Remove the record that the import wrote rows, for rows that the store no longer has."""
        row = select(SHAPES[kind].id).where(SHAPES[kind].id == imported_rows.c.row_id)
        await self.connection.execute(delete(imported_rows).where(self._of(kind), ~row.exists()))

    async def _all(self, statement: Select[Any]) -> Sequence[Any]:
        # Rows that are fetched one by one take longer.
        rows: Sequence[Any] = (await self.connection.execute(statement)).all()
        return rows

    def _among(self, column: ColumnElement[Any], ids: list[str]) -> ColumnElement[bool]:
        return self.dialect.among(column, "ids", ids)

    def _of(self, kind: Kind) -> Any:
        return (imported_rows.c.import_id == self.import_id) & (imported_rows.c.kind == int(kind))


@dataclass(frozen=True)
class DryRunLedger(Ledger):
    """Writes nothing: records in `new_ids` which rows would be written, and treats them as present from then on."""

    new_ids: IdSet = field(kw_only=True)

    async def present(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return the ids, among the given ones, that the store has, or would have after the batches so far."""
        return await super().present(kind, ids) | (set(ids) - set(self.new_ids.absent(kind, ids)))

    async def apply(self, all_changes: Sequence[Changes]) -> None:
        """Record the rows of the kinds that can occur in several batches."""
        for changes in all_changes:
            if changes.kind not in (Kind.TASK, Kind.LINK):
                self.new_ids.add(changes.kind, [*changes.new_rows, *changes.updates])
