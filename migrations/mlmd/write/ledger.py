"""The rows that imports wrote, as the table imported_rows keeps them, and the same rows as they are now.

The loader, verify and undo call this. Every function is one statement, or one for every ID_CHUNK ids.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import artifact_tasks, imported_rows, tasks

ID_CHUNK = 5000
"""So many ids stand in one statement; databases limit what can be bound."""

_NAMES = ("import_id", "kind", "row_id", "digest")


def chunks(ids: Collection[str]) -> Iterator[list[str]]:
    """Cut ids into pieces, in their order."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), ID_CHUNK):
        yield ordered[start : start + ID_CHUNK]


class Ledger:
    """The rows of one import, seen through one connection."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect, import_id: int) -> None:
        self._connection = connection
        self._dialect = dialect
        self._import_id = import_id

    async def digests(self, kind: Kind, ids: Collection[str]) -> dict[str, int]:
        """Return the digests of those rows that the import wrote."""
        found: dict[str, int] = {}
        for some in chunks(ids):
            statement = select(imported_rows.c.row_id, imported_rows.c.digest).where(
                self._of(kind), imported_rows.c.row_id.in_(some)
            )
            found.update((row_id, value) for row_id, value in await self._connection.execute(statement))
        return found

    async def digests_of_runs(self, kind: Kind, run_ids: Collection[str]) -> dict[str, int]:
        """Return the digests of those tasks or links that the import wrote in some runs and that are there still."""
        table = SHAPES[kind].table
        found: dict[str, int] = {}
        for some in chunks(run_ids):
            statement = (
                select(imported_rows.c.row_id, imported_rows.c.digest)
                .join(table, table.c.id == imported_rows.c.row_id)
                .where(self._of(kind), table.c.run_id.in_(some))
            )
            found.update((row_id, value) for row_id, value in await self._connection.execute(statement))
        return found

    async def page(self, kind: Kind, after: str, limit: int) -> list[tuple[str, int]]:
        """Return ids and digests of the next rows, by id."""
        statement = (
            select(imported_rows.c.row_id, imported_rows.c.digest)
            .where(self._of(kind), imported_rows.c.row_id > after)
            .order_by(imported_rows.c.row_id)
            .limit(limit)
        )
        return [(row_id, value) for row_id, value in await self._connection.execute(statement)]

    async def counts(self) -> dict[Kind, int]:
        """Return how many rows of each kind the import has."""
        statement = (
            select(imported_rows.c.kind, func.count())
            .where(imported_rows.c.import_id == self._import_id)
            .group_by(imported_rows.c.kind)
        )
        return {Kind(kind): count for kind, count in await self._connection.execute(statement)}

    async def present(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return those ids that the store has, whoever wrote them."""
        shape, found = SHAPES[kind], set[str]()
        for some in chunks(ids):
            found.update((await self._connection.execute(select(shape.id).where(shape.id.in_(some)))).scalars())
        return found

    async def rows(self, kind: Kind, ids: Collection[str], *, held: bool = False) -> dict[str, Row]:
        """Return rows as they are now, held against others where that is asked."""
        shape = SHAPES[kind]
        found: dict[str, Row] = {}
        for some in chunks(ids):
            statement = select(*shape.columns).where(shape.id.in_(some)).order_by(shape.id)
            statement = statement.with_for_update() if held else statement
            found.update((row[0], tuple(row)) for row in await self._connection.execute(statement))
        return found

    async def links_of_tasks(self, task_ids: Collection[str]) -> dict[tuple[Any, ...], str]:
        """Return the ids of all links of tasks, by what must not repeat."""
        links = artifact_tasks.c
        found: dict[tuple[Any, ...], str] = {}
        for some in chunks(task_ids):
            statement = select(
                links.task_id, links.type, links.key, links.iteration, links.artifact_id, links.id
            ).where(links.task_id.in_(some))
            found.update((tuple(row[:-1]), row[-1]) for row in await self._connection.execute(statement))
        return found

    async def tasks_of_keys(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of the tasks that bear logical keys, by key."""
        found: dict[str, str] = {}
        for some in chunks(keys):
            statement = select(tasks.c.logical_key, tasks.c.id).where(tasks.c.logical_key.in_(some))
            found.update((key, row_id) for key, row_id in await self._connection.execute(statement))
        return found

    async def create(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Write new rows."""
        if rows:
            await self._dialect.insert_rows(
                self._connection, SHAPES[kind].table, SHAPES[kind].names, list(rows.values())
            )
            await self._note(kind, [(row_id, digests[row_id]) for row_id in rows])

    async def replace(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Write rows of the import anew."""
        if not rows:
            return
        shape = SHAPES[kind]
        if kind is Kind.TASK:
            # Keys may move from task to task, and must not meet on the way.
            for some in chunks(rows):
                await self._connection.execute(update(shape.table).where(shape.id.in_(some)).values(logical_key=None))
        if kind is Kind.LINK:
            await self.remove_rows(kind, rows)
            await self._dialect.insert_rows(self._connection, shape.table, shape.names, list(rows.values()))
        else:
            for row_id, row in rows.items():
                values = dict(zip(shape.names, row, strict=True))
                await self._connection.execute(update(shape.table).where(shape.id == row_id).values(values))
        await self.forget(kind, rows)
        await self._note(kind, [(row_id, digests[row_id]) for row_id in rows])

    async def remove(self, kind: Kind, ids: Collection[str]) -> None:
        """Delete rows of the import."""
        await self.remove_rows(kind, ids)
        await self.forget(kind, ids)

    async def remove_rows(self, kind: Kind, ids: Collection[str]) -> None:
        """Delete rows, and leave it noted that the import wrote them."""
        shape = SHAPES[kind]
        for some in chunks(ids):
            await self._connection.execute(delete(shape.table).where(shape.id.in_(some)))

    async def forget(self, kind: Kind, ids: Collection[str]) -> None:
        """Note that rows are no longer of the import."""
        for some in chunks(ids):
            await self._connection.execute(
                delete(imported_rows).where(self._of(kind), imported_rows.c.row_id.in_(some))
            )

    async def forget_lost(self, kind: Kind) -> None:
        """Note that rows which are gone are no longer of the import."""
        there = select(SHAPES[kind].id).where(SHAPES[kind].id == imported_rows.c.row_id)
        await self._connection.execute(delete(imported_rows).where(self._of(kind), ~there.exists()))

    async def _note(self, kind: Kind, rows: Iterable[tuple[str, int]]) -> None:
        noted = [(self._import_id, int(kind), row_id, value) for row_id, value in rows]
        if noted:
            await self._dialect.insert_rows(self._connection, imported_rows, _NAMES, noted)

    def _of(self, kind: Kind) -> Any:
        return (imported_rows.c.import_id == self._import_id) & (imported_rows.c.kind == int(kind))


class DryRunLedger(Ledger):
    """Writes nothing: what would be written is remembered in `made`, where what comes later asks for it."""

    def __init__(
        self, connection: AsyncConnection, dialect: Dialect, import_id: int, made: dict[Kind, set[int]]
    ) -> None:
        super().__init__(connection, dialect, import_id)
        self._made = made

    async def present(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return those ids that the store has, or would have by now."""
        made = self._made.get(kind, set())
        return await super().present(kind, ids) | {id for id in ids if hash(id) in made}

    async def rows(self, kind: Kind, ids: Collection[str], *, held: bool = False) -> dict[str, Row]:
        """Return rows as they are now; nothing is held."""
        return await super().rows(kind, ids)

    async def create(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Remember new rows, as far as others come to them again."""
        if kind not in (Kind.TASK, Kind.LINK):
            # Eight bytes of an id tell it from all others, and take less room than the id.
            self._made.setdefault(kind, set()).update(map(hash, rows))

    async def replace(self, kind: Kind, rows: Mapping[str, Row], digests: Mapping[str, int]) -> None:
        """Remember rows that would be written anew."""
        await self.create(kind, rows, digests)

    async def remove(self, kind: Kind, ids: Collection[str]) -> None:
        """Leave rows."""
