"""Brings KFP's experiments, pipelines and versions into the store, before the runs that refer to them. The importer calls this.

One whose name is taken becomes an alias of the one that bears it. A version whose name is taken by one with another
specification keeps both, under a name that ends in the beginning of its id.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.kfp.database import KfpDatabase
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.changes import plan_changes
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import Kind, Row, row_of
from migrations.mlmd.write.tally import Outcome, Tally
from storage import lengths
from storage.digests import spec_id
from storage.model import Experiment, Pipeline, PipelineVersion
from storage.sql.tables import experiments, pipeline_versions, pipelines

_SUFFIX_CHARACTERS = 8


LoadGroup = Callable[[AsyncConnection, Ledger, Sequence[Any]], Awaitable[tuple[Tally, dict[str, Row]]]]
"""Brings in a batch of one kind; returns what became of it, and the rows it is in the store."""


class GroupLoader:
    """Brings in batches, all through one pass over KFP's database."""

    def __init__(self, aliases: Aliases) -> None:
        self.aliases = aliases
        # What this pass brought in: names that were cut can meet, and two of a batch are not in the store yet.
        self._bearers: dict[tuple[Kind, str, str], str] = {}
        self._specs: dict[str, str | None] = {}

    async def experiments(
        self, connection: AsyncConnection, ledger: Ledger, batch: Sequence[Experiment]
    ) -> tuple[Tally, dict[str, Row]]:
        """Bring in experiments; returns the rows they are in the store."""
        named = await _named(connection, experiments, ("name", "namespace"), [one.name for one in batch])
        return await self._settle(ledger, Kind.EXPERIMENT, batch, named, self.aliases.experiments)

    async def pipelines(
        self, connection: AsyncConnection, ledger: Ledger, batch: Sequence[Pipeline]
    ) -> tuple[Tally, dict[str, Row]]:
        """Bring in pipelines; returns the rows they are in the store."""
        named = await _named(connection, pipelines, ("name", "namespace"), [one.name for one in batch])
        return await self._settle(ledger, Kind.PIPELINE, batch, named, self.aliases.pipelines)

    async def versions(
        self, connection: AsyncConnection, ledger: Ledger, batch: Sequence[PipelineVersion]
    ) -> tuple[Tally, dict[str, Row]]:
        """Bring in versions and their specifications; returns the rows they are in the store."""
        tally, rows = Tally(), {}
        placed = [self.aliases.version(version) for version in batch]
        parents = {version.pipeline_id for version in placed}
        there = await ledger.present(Kind.PIPELINE, parents)
        tally.add(Kind.VERSION, Outcome.WITHOUT_PARENT, [one.id for one in placed if one.pipeline_id not in there])
        named = await _named(connection, pipeline_versions, ("pipeline_id", "name"), [one.name for one in placed])
        specs = self._specs | await _specs(connection, named)
        for version in (one for one in placed if one.pipeline_id in there):
            bearer = self._bearer(Kind.VERSION, (version.pipeline_id, version.name), version.id, named)
            specs[version.id] = self._specs[version.id] = spec_id(version.pipeline_spec)
            if bearer != version.id and specs.get(bearer) == specs[version.id]:
                self.aliases.versions[version.id] = bearer
                tally.add(Kind.VERSION, Outcome.TAKEN, [version.id])
                continue
            rows[version.id] = row_of(Kind.VERSION, version if bearer == version.id else _renamed(version))
        await load_specs(ledger, {one.pipeline_spec: one.created_at for one in placed if one.id in rows}, tally)
        changes = await plan_changes(ledger, Kind.VERSION, rows)
        await changes.apply(ledger)
        changes.count(tally)
        return tally, rows

    def _bearer(self, kind: Kind, name: tuple[str, str], id: str, named: Mapping[tuple[Any, ...], str]) -> str:
        """Return the id of what bears a name, in the store or in this pass; what nobody bore is borne by `id` from now on."""
        return named.get(name) or self._bearers.setdefault((kind, *name), id)

    async def _settle(
        self,
        ledger: Ledger,
        kind: Kind,
        batch: Sequence[Experiment] | Sequence[Pipeline],
        named: Mapping[tuple[Any, ...], str],
        aliases: dict[str, str],
    ) -> tuple[Tally, dict[str, Row]]:
        tally, rows = Tally(), {}
        for one in batch:
            bearer = self._bearer(kind, (one.name, one.namespace), one.id, named)
            if bearer != one.id:
                aliases[one.id] = bearer
                tally.add(kind, Outcome.TAKEN, [one.id])
                continue
            rows[one.id] = row_of(kind, one)
        changes = await plan_changes(ledger, kind, rows)
        await changes.apply(ledger)
        changes.count(tally)
        return tally, rows


async def group_batches(loader: GroupLoader, kfp: KfpDatabase) -> AsyncIterator[tuple[Kind, LoadGroup, Sequence[Any]]]:
    """Yield batches of KFP's experiments, then pipelines, then versions, with what brings each of them in."""
    # An import that looks first goes over them twice, and counts what was wrong once.
    kfp.findings = Findings()
    async for some in kfp.experiments():
        yield Kind.EXPERIMENT, loader.experiments, some
    async for found in kfp.pipelines():
        yield Kind.PIPELINE, loader.pipelines, found
    async for versions in kfp.pipeline_versions():
        yield Kind.VERSION, loader.versions, versions


async def load_specs(ledger: Ledger, specs: Mapping[str | None, int], tally: Tally) -> None:
    """Keep specifications, each with the time of what brought it, unless they are there."""
    rows: dict[str, Row] = {}
    for spec, created_at in specs.items():
        made = spec_id(spec)
        if made is not None:
            rows[made] = (made, spec, created_at)
    new = {id: rows[id] for id in rows.keys() - await ledger.present(Kind.SPEC, rows)}
    changes = await plan_changes(ledger, Kind.SPEC, new)
    await changes.apply(ledger)
    changes.count(tally)


def _renamed(version: PipelineVersion) -> PipelineVersion:
    suffix = f"-{version.id[:_SUFFIX_CHARACTERS]}"
    return replace(version, name=version.name[: lengths.VERSION_NAME - len(suffix)] + suffix)


async def _named(
    connection: AsyncConnection, table: Table, keys: tuple[str, str], names: Sequence[str]
) -> dict[tuple[Any, ...], str]:
    """Return the ids of rows that bear names, by the two columns that are unique together."""
    statement = select(table.c.id, *(table.c[key] for key in keys)).where(table.c.name.in_(sorted(set(names))))
    return {tuple(row[1:]): row[0] for row in await connection.execute(statement)}


async def _specs(connection: AsyncConnection, named: Mapping[tuple[Any, ...], str]) -> dict[str, str | None]:
    columns = pipeline_versions.c
    statement = select(columns.id, columns.pipeline_spec_id).where(columns.id.in_(sorted(named.values())))
    return {row[0]: row[1] for row in await connection.execute(statement)}
