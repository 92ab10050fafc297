"""Imports KFP's experiments, pipelines and versions, before the runs that refer to them. The importer calls this.

If Lineal already has one with the same name, the one from KFP becomes an alias of it, unless it was imported before. Only a version
with another specification is imported nevertheless, with the first characters of its id appended to its name.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.kfp.database import KfpDatabase
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.census import count
from migrations.mlmd.write.changes import Changes
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.plan import plan_changes, plan_specs
from migrations.mlmd.write.refusals import note_refused, refused_ids
from migrations.mlmd.write.row_kinds import LABELS, Kind, Row, row_of, spec_rows
from migrations.mlmd.write.tally import Outcome, Tally
from migrations.mlmd.write.writing import write_changes
from storage import lengths
from storage.digests import spec_id
from storage.model import Experiment, Pipeline, PipelineVersion
from storage.sql.tables import experiments, pipeline_versions, pipelines

_SUFFIX_CHARACTERS = 8

LoadGroup = Callable[[Ledger, Sequence[Any]], Awaitable[tuple[Tally, dict[str, Row]]]]
"""Imports a batch of one kind; returns the outcomes, and the batch's rows in the store by id, without aliases."""


class GroupLoader:
    """Imports batches, in one pass over KFP's database."""

    def __init__(self, aliases: Aliases) -> None:
        self.aliases = aliases
        # What this pass imported: names that were cut can become equal, and those of one batch are not in the store yet.
        self._ids_by_name: dict[tuple[Kind, str, str], str] = {}
        self._specs: dict[str, str | None] = {}

    async def experiments(self, ledger: Ledger, batch: Sequence[Experiment]) -> tuple[Tally, dict[str, Row]]:
        """Import experiments."""
        ids_by_name = await _find_ids(
            ledger.connection, experiments, ("name", "namespace"), [one.name for one in batch]
        )
        return await self._load(ledger, Kind.EXPERIMENT, batch, ids_by_name, self.aliases.experiments)

    async def pipelines(self, ledger: Ledger, batch: Sequence[Pipeline]) -> tuple[Tally, dict[str, Row]]:
        """Import pipelines."""
        ids_by_name = await _find_ids(ledger.connection, pipelines, ("name", "namespace"), [one.name for one in batch])
        return await self._load(ledger, Kind.PIPELINE, batch, ids_by_name, self.aliases.pipelines)

    async def versions(self, ledger: Ledger, batch: Sequence[PipelineVersion]) -> tuple[Tally, dict[str, Row]]:
        """Import versions and their specifications."""
        tally, rows, new_specs = Tally(named=None), dict[str, Row](), dict[str, Row]()
        ledger.meet(Kind.VERSION, [one.id for one in batch])
        own_ids = await _own_ids(ledger, Kind.VERSION, batch)
        versions = [self.aliases.version(version) for version in batch]
        pipeline_ids = await ledger.present(Kind.PIPELINE, {version.pipeline_id for version in versions})
        orphans = [one.id for one in versions if one.pipeline_id not in pipeline_ids]
        tally.add(Kind.VERSION, Outcome.WITHOUT_PARENT, orphans)
        if orphans:
            await self._note_refused(ledger, [one for one in versions if one.id in orphans])
        ids_by_name = await _find_ids(
            ledger.connection, pipeline_versions, ("pipeline_id", "name"), [one.name for one in versions]
        )
        specs = self._specs | await _specs(ledger.connection, ids_by_name)
        for version in (one for one in versions if one.pipeline_id in pipeline_ids):
            bearer = self._id_by_name(Kind.VERSION, (version.pipeline_id, version.name), version.id, ids_by_name)
            specs[version.id] = self._specs[version.id] = spec_id(version.pipeline_spec)
            if bearer != version.id and version.id not in own_ids and specs.get(bearer) == specs[version.id]:
                self.aliases.versions[version.id] = bearer
                tally.add(Kind.VERSION, Outcome.TAKEN, [version.id])
                continue
            rows[version.id] = row_of(Kind.VERSION, version if bearer == version.id else _renamed(version))
            new_specs |= spec_rows(version.pipeline_spec, version.created_at)
        await _write(ledger, await plan_specs(ledger, new_specs), tally)
        await _write(ledger, await plan_changes(ledger, Kind.VERSION, rows), tally)
        return tally, rows

    async def _note_refused(self, ledger: Ledger, versions: Sequence[PipelineVersion]) -> None:
        """Note versions whose pipeline was refused by the database."""
        pipeline_ids = {version.pipeline_id for version in versions}
        refused = await refused_ids(ledger.connection, ledger.import_id, Kind.PIPELINE, pipeline_ids)
        ids = [version.id for version in versions if version.pipeline_id in refused]
        await note_refused(ledger.connection, ledger.import_id, Kind.VERSION, ids)

    def _id_by_name(
        self, kind: Kind, name: tuple[str, str], id: str, ids_by_name: Mapping[tuple[Any, ...], str]
    ) -> str:
        """Return the id of what has a name, in the store or in this pass; a free name becomes the name of `id`."""
        return ids_by_name.get(name) or self._ids_by_name.setdefault((kind, *name), id)

    async def _load(
        self,
        ledger: Ledger,
        kind: Kind,
        batch: Sequence[Experiment] | Sequence[Pipeline],
        ids_by_name: Mapping[tuple[Any, ...], str],
        aliases: dict[str, str],
    ) -> tuple[Tally, dict[str, Row]]:
        tally, rows = Tally(named=None), {}
        ledger.meet(kind, [one.id for one in batch])
        own_ids = await _own_ids(ledger, kind, batch)
        for one in batch:
            bearer = self._id_by_name(kind, (one.name, one.namespace), one.id, ids_by_name)
            if bearer != one.id and one.id not in own_ids:
                aliases[one.id] = bearer
                tally.add(kind, Outcome.TAKEN, [one.id])
                continue
            rows[one.id] = row_of(kind, one)
        await _write(ledger, await plan_changes(ledger, kind, rows), tally)
        return tally, rows


async def group_batches(loader: GroupLoader, kfp: KfpDatabase) -> AsyncIterator[tuple[Kind, LoadGroup, Sequence[Any]]]:
    """Yield batches of KFP's experiments, then pipelines, then versions, each with the method that imports it."""
    # An import that starts with a forecast reads them twice, but reports the findings once.
    kfp.findings = Findings(None)
    async for experiment_batch in kfp.experiments():
        yield Kind.EXPERIMENT, loader.experiments, experiment_batch
    async for pipeline_batch in kfp.pipelines():
        yield Kind.PIPELINE, loader.pipelines, pipeline_batch
    async for version_batch in kfp.pipeline_versions():
        yield Kind.VERSION, loader.versions, version_batch


async def _write(ledger: Ledger, changes: Changes, tally: Tally) -> None:
    count(ledger, tally, [await write_changes(ledger, changes, _name_in_kfp)])


def _name_in_kfp(kind: Kind, row: Row) -> str:
    return f"{LABELS[kind]} {row[0]} of KFP"


async def _own_ids(
    ledger: Ledger, kind: Kind, batch: Sequence[Experiment] | Sequence[Pipeline] | Sequence[PipelineVersion]
) -> set[str]:
    """Return those that have been imported under their own ids and keep their names, whoever bears the names that they have now."""
    if ledger.mode is not Mode.TRUE_UP:
        return set()
    return await ledger.present(kind, await ledger.digests(kind, [one.id for one in batch]))


def _renamed(version: PipelineVersion) -> PipelineVersion:
    suffix = f"-{version.id[:_SUFFIX_CHARACTERS]}"
    return replace(version, name=version.name[: lengths.VERSION_NAME - len(suffix)] + suffix)


async def _find_ids(
    connection: AsyncConnection, table: Table, keys: tuple[str, str], names: Sequence[str]
) -> dict[tuple[Any, ...], str]:
    """Return the ids of the rows that have names, by the two columns that are unique together."""
    statement = select(table.c.id, *(table.c[key] for key in keys)).where(table.c.name.in_(sorted(set(names))))
    return {tuple(row[1:]): row[0] for row in await connection.execute(statement)}


async def _specs(connection: AsyncConnection, versions: Mapping[tuple[Any, ...], str]) -> dict[str, str | None]:
    columns = pipeline_versions.c
    statement = select(columns.id, columns.pipeline_spec_id).where(columns.id.in_(sorted(versions.values())))
    return {row[0]: row[1] for row in await connection.execute(statement)}
