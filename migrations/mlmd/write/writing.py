"""Writes changes in parts, after the store's database has refused a value of theirs.

The writer of batches calls this. Where a row is refused, it is tried without one of its values after another, the
largest first: a new row without it, an imported one with the value that it has. What cannot be written even so is left out, with
everything that belongs to it. The batch's other rows are written as they are.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import field, replace
from typing import Any

from sqlalchemy import String

from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.refusals import Refusals, note_refused
from migrations.mlmd.write.row_digest import digests
from migrations.mlmd.write.row_kinds import LABELS, SHAPES, Kind, Row
from migrations.mlmd.write.tally import Outcome
from storage.record import record
from storage.sql.types import ByteText
from storage.tracebacks import release

SPEC_REFUSED = "belongs to a specification that was left out"

_PARENTS: Mapping[Kind, Mapping[str, Kind]] = {
    Kind.TASK: {"run_id": Kind.RUN},
    Kind.LINK: {"task_id": Kind.TASK, "artifact_id": Kind.ARTIFACT},
}
"""What a row cannot be without, by the column that names it; of a version, the loader of versions sees to it."""

_SPEC = "pipeline_spec_id"
_SAVEPOINT = "part"
_PARENT_TASK, _LOGICAL_KEY = (SHAPES[Kind.TASK].names.index(name) for name in ("parent_task_id", "logical_key"))

Rows = Mapping[str, Row]


async def write_in_parts(ledger: Ledger, all_changes: Sequence[Changes], refusals: Refusals) -> list[Changes]:
    """Write changes as `Ledger.apply` does, without what is refused; returns what was written.

    Raises Overtaken when a row is not as it was read.
    """
    await ledger.begin(all_changes)
    return [await _Parts(ledger, refusals, changes.kind).write(changes) for changes in all_changes]


@record
class _Parts:
    """Writes rows of one kind, as many at once as are accepted."""

    ledger: Ledger
    refusals: Refusals
    kind: Kind
    refused_ids: set[str] = field(default_factory=set)
    """The rows of which something is refused, unless this pass over the source has counted them before."""

    async def write(self, changes: Changes) -> Changes:
        """Write what is updated and created; returns what was written."""
        orphans = self._orphans({**changes.updates, **changes.new_rows})
        before = {id: changes.before[id] for id in changes.updates}
        updates = await self._with_accepted_specs(_without(changes.updates, orphans), before)
        if self.kind is Kind.TASK:
            # They may be written in different parts.
            await self.ledger.free_keys(updates, before)
        updates = await self._some({id: row for id, row in updates.items() if row != before[id]}, before)
        new_rows = await self._some(await self._with_accepted_specs(_without(changes.new_rows, orphans), {}), {})
        if self.kind is Kind.TASK:
            orphans |= await self._remove_below(new_rows, changes.new_rows.keys() - orphans - new_rows.keys())
        absent_ids = changes.new_rows.keys() - new_rows.keys()
        self.refusals.absent[self.kind] |= absent_ids
        noted_ids = await self._note(absent_ids | orphans)
        left_out = absent_ids | (changes.updates.keys() - updates.keys())
        outcomes: dict[Outcome, Collection[str]] = {
            outcome: [id for id in ids if id not in left_out] for outcome, ids in changes.outcomes.items()
        }
        outcomes |= {
            Outcome.WITHOUT_PARENT: sorted(orphans & noted_ids),
            Outcome.REFUSED: sorted(self.refused_ids),
        }
        return replace(changes, new_rows=new_rows, updates=updates, outcomes=outcomes)

    def _orphans(self, rows: Rows) -> set[str]:
        """Return the rows without what they belong to, because it was refused before."""
        names = SHAPES[self.kind].names
        parents = [
            (names.index(name), self.refusals.absent[kind]) for name, kind in _PARENTS.get(self.kind, {}).items()
        ]
        return {id for id, row in rows.items() if any(row[place] in absent_ids for place, absent_ids in parents)}

    async def _remove_below(self, new_rows: dict[str, Row], absent_ids: Set[str]) -> set[str]:
        """Remove new tasks that are within tasks that were refused; returns their ids."""
        removed = set[str]()
        absent_ids = absent_ids | self.refusals.absent[Kind.TASK]
        while below := {id for id, row in new_rows.items() if row[_PARENT_TASK] in absent_ids | removed}:
            await self.ledger.remove(self.kind, below)
            removed |= below
            for id in below:
                del new_rows[id]
        return removed

    async def _with_accepted_specs(self, rows: Rows, stored_rows: Rows) -> dict[str, Row]:
        """Return rows that do not refer to specifications that were refused."""
        names = SHAPES[self.kind].names
        if _SPEC not in names:
            return dict(rows)
        place, accepted = names.index(_SPEC), dict(rows)
        for id, row in rows.items():
            if row[place] in self.refusals.absent[Kind.SPEC]:
                value = stored_rows[id][place] if id in stored_rows else None
                accepted[id] = (*row[:place], value, *row[place + 1 :])
                await self._add(row, [_SPEC], SPEC_REFUSED)
        return accepted

    async def _some(self, rows: Rows, stored_rows: Rows) -> dict[str, Row]:
        """Write rows, without what is refused of them; returns those that were written."""
        why = await self._attempt(rows, stored_rows) if rows else None
        if why is None:
            return dict(rows)
        ids, middle = list(rows), len(rows) // 2
        if not middle:
            return await self._one(rows[ids[0]], stored_rows, why)
        first = await self._some({id: rows[id] for id in ids[:middle]}, stored_rows)
        return first | await self._some({id: rows[id] for id in ids[middle:]}, stored_rows)

    async def _attempt(self, rows: Rows, stored_rows: Rows) -> str | None:
        """Write rows; if one of them is refused, return why, and nothing is written."""
        before = {id: stored_rows[id] for id in rows if id in stored_rows}
        new_rows, updates = ({}, rows) if before else (rows, {})
        part = Changes(self.kind, digests(self.kind, rows), new_rows, updates, (), frozenset(), {}, before)
        execute = self.ledger.connection.exec_driver_sql
        await execute(f"SAVEPOINT {_SAVEPOINT}")
        why = None
        try:
            await (self.ledger.replace(part) if before else self.ledger.create(part))
        except Exception as error:
            why = self.ledger.dialect.why_value_refused(error)
            if why is None:
                raise
            release(error)  # or the rows would stay in memory
        if why is not None:
            await execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        await execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return why

    async def _one(self, row: Row, stored_rows: Rows, why: str) -> dict[str, Row]:
        """Write a row that is refused, without what is refused of it; returns it if it was written."""
        stored = stored_rows.get(row[0])
        fallback = _emptied(self.kind, row) if stored is None else _kept(self.kind, row, stored)
        for places in _choices(row, fallback):
            values = (fallback[place] if place in places else value for place, value in enumerate(row))
            reduced = tuple(values)
            is_unchanged = reduced == stored
            if is_unchanged or await self._attempt({row[0]: reduced}, stored_rows) is None:
                await self._add(row, [SHAPES[self.kind].names[place] for place in places], why)
                return {} if is_unchanged else {row[0]: reduced}
        await self._add(row, [], why)
        return {}

    async def _add(self, row: Row, columns: Sequence[str], why: str) -> None:
        """Count what is refused of a row, unless an earlier batch, with which it is shared, has done so."""
        if await self._note([row[0]]):
            self.refused_ids.add(row[0])
            values = [row[SHAPES[self.kind].names.index(name)] for name in columns]
            sizes = "".join(f", {_size(value)} bytes" for value in values if isinstance(value, str))
            place = ".".join([LABELS[self.kind], *([", ".join(columns)] if columns else [])])
            self.refusals.findings.add(
                Rule.VALUES_REFUSED, f"{self.refusals.source_of(self.kind, row)}{sizes}", kind=f"{place} {why}"
            )

    async def _note(self, ids: Collection[str]) -> set[str]:
        return await note_refused(self.ledger.connection, self.ledger.import_id, self.kind, ids)


def _without(rows: Rows, ids: Set[str]) -> Rows:
    return {id: row for id, row in rows.items() if id not in ids} if ids else rows


def _emptied(kind: Kind, row: Row) -> dict[int, Any]:
    """Return the empty values of the columns that a new row can be without, by place: texts of any length, numbers."""
    values: dict[int, Any] = {}
    for place, column in enumerate(SHAPES[kind].columns):
        is_long = isinstance(column.type, ByteText)
        can_be_null = SHAPES[kind].table.c[SHAPES[kind].names[place]].nullable
        if row[place] not in (None, "") and kind is not Kind.SPEC:
            if can_be_null and (is_long or not isinstance(column.type, String)):
                values[place] = None
            elif is_long:
                values[place] = ""
    return values


def _kept(kind: Kind, row: Row, stored: Row) -> dict[int, Any]:
    """Return the stored values of the columns that would change, by place."""
    is_key = {_LOGICAL_KEY} if kind is Kind.TASK else set()
    return {
        place: old
        for place, (old, new) in enumerate(zip(stored, row, strict=True))
        if old != new and place not in is_key
    }


def _choices(row: Row, fallback: Mapping[int, Any]) -> Iterator[list[int]]:
    """Yield columns to leave out: each of them, then the two largest, the three largest, and so on."""
    places = sorted(fallback, key=lambda place: _size(row[place]), reverse=True)
    yield from ([place] for place in places)
    yield from (places[:count] for count in range(2, len(places) + 1))


def _size(value: Any) -> int:
    """Return the size of a value in bytes."""
    return len(value.encode(errors="surrogatepass")) if isinstance(value, str) else 8
