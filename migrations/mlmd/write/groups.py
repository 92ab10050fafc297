"""Plans the import of KFP's experiments, pipelines and versions, before the runs that refer to them. The importer calls this.

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
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.pieces import Plan
from migrations.mlmd.write.plan import plan_changes, plan_specs
from migrations.mlmd.write.refusals import refused_ids
from migrations.mlmd.write.row_kinds import LABELS, Kind, Row, row_of, spec_rows
from migrations.mlmd.write.tally import Outcome, Tally
from storage import lengths
from storage.digests import spec_id
from storage.model import Experiment, Pipeline, PipelineVersion
from storage.sql.tables import experiments, pipeline_versions, pipelines

_SUFFIX_CHARACTERS = 8

PlanGroup = Callable[[Ledger, Sequence[Any]], Awaitable[tuple[Plan, dict[str, Row]]]]
"""Plans a batch of one kind; returns the plan, and the batch's rows in the store by id, without aliases."""


class GroupPlanner:
    """Plans batches, in one pass over KFP's database; a batch can be planned again."""

    def __init__(self, aliases: Aliases) -> None:
        self.aliases = aliases
        # What this pass imported: names that were cut can become equal, and those of one batch are not in the store yet.
        self._ids_by_name: dict[tuple[Kind, str, str], str] = {}
        self._specs: dict[str, str | None] = {}

    async def experiments(self, ledger: Ledger, batch: Sequence[Experiment]) -> tuple[Plan, dict[str, Row]]:
        """Plan experiments."""
        ids_by_name = await _find_ids(
            ledger.connection, experiments, ("name", "namespace"), [one.name for one in batch]
        )
        return await self._load(ledger, Kind.EXPERIMENT, batch, ids_by_name, self.aliases.experiments)

    async def pipelines(self, ledger: Ledger, batch: Sequence[Pipeline]) -> tuple[Plan, dict[str, Row]]:
        """Plan pipelines."""
        ids_by_name = await _find_ids(ledger.connection, pipelines, ("name", "namespace"), [one.name for one in batch])
        return await self._load(ledger, Kind.PIPELINE, batch, ids_by_name, self.aliases.pipelines)

    async def versions(self, ledger: Ledger, batch: Sequence[PipelineVersion]) -> tuple[Plan, dict[str, Row]]:
        """Plan versions and their specifications."""
        tally, rows, new_specs = Tally(named=None), dict[str, Row](), dict[str, Row]()
        ledger.meet(Kind.VERSION, [one.id for one in batch])
        own_ids = await _own_ids(ledger, Kind.VERSION, batch)
        versions = [self.aliases.version(version) for version in batch]
        pipeline_ids = await ledger.present(Kind.PIPELINE, {version.pipeline_id for version in versions})
        orphans = [one.id for one in versions if one.pipeline_id not in pipeline_ids]
        tally.add(Kind.VERSION, Outcome.WITHOUT_PARENT, orphans)
        refused = await _of_refused_pipelines(ledger, versions, orphans) if orphans else []
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
        changes = [await plan_specs(ledger, new_specs), await plan_changes(ledger, Kind.VERSION, rows)]
        count(ledger, tally, changes)
        return Plan(changes, tally, source_of=_name_in_kfp, refused={Kind.VERSION: refused}), rows

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
    ) -> tuple[Plan, dict[str, Row]]:
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
        changes = [await plan_changes(ledger, kind, rows)]
        count(ledger, tally, changes)
        return Plan(changes, tally, source_of=_name_in_kfp), rows


async def group_batches(
    planner: GroupPlanner, kfp: KfpDatabase
) -> AsyncIterator[tuple[Kind, PlanGroup, Sequence[Any]]]:
    """Yield batches of KFP's experiments, then pipelines, then versions, each with the method that plans it."""
    # An import that starts with a forecast reads them twice, but reports the findings once.
    kfp.findings = Findings(None)
    async for experiment_batch in kfp.experiments():
        yield Kind.EXPERIMENT, planner.experiments, experiment_batch
    async for pipeline_batch in kfp.pipelines():
        yield Kind.PIPELINE, planner.pipelines, pipeline_batch
    async for version_batch in kfp.pipeline_versions():
        yield Kind.VERSION, planner.versions, version_batch


def _name_in_kfp(kind: Kind, row: Row) -> str:
    return f"{LABELS[kind]} {row[0]} of KFP"


async def _of_refused_pipelines(
    ledger: Ledger, versions: Sequence[PipelineVersion], orphans: Sequence[str]
) -> list[str]:
    """Return the versions, among those whose pipeline the store does not have, whose pipeline was refused by its database."""
    pipeline_ids = {version.id: version.pipeline_id for version in versions}
    lacking = {pipeline_ids[id] for id in orphans}
    refused = await refused_ids(ledger.connection, ledger.import_id, Kind.PIPELINE, lacking)
    return [id for id in orphans if pipeline_ids[id] in refused]


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
