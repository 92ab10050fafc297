"""The tables of KFP's own database that an import reads, in all releases. `database` calls this.

Column names are matched case-insensitively, since KFP mixes cases; columns that a release lacks read as NULL. The database does
not say of which release it is: what every release since 1.0 has must be there, and since 2.0 also the cache.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, bindparam, select

from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.probing import Probe
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.lacks import Cause, Lack, described
from storage.record import record

NAMES = "names"

RUNS, EXPERIMENTS, PIPELINES, VERSIONS, CACHE = "run_details", "experiments", "pipelines", "pipeline_versions", "tasks"

COLUMNS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    RUNS: (
        ("UUID", "Name", "DisplayName", "Namespace", "Conditions", "CreatedAtInSec"),
        (
            *("State", "StateHistory", "ExperimentUUID", "Description", "StorageState", "ServiceAccount", "JobUUID"),
            *("PipelineId", "PipelineVersionId", "PipelineRoot", "RuntimeParameters", "PipelineSpecManifest"),
            *("ScheduledAtInSec", "FinishedAtInSec"),
        ),
    ),
    EXPERIMENTS: (
        ("UUID", "Name", "CreatedAtInSec"),
        ("Description", "Namespace", "StorageState", "LastRunCreatedAtInSec"),
    ),
    PIPELINES: (("UUID", "Name", "CreatedAtInSec"), ("DisplayName", "Description", "Namespace")),
    VERSIONS: (
        ("UUID", "PipelineId", "Name", "CreatedAtInSec"),
        ("DisplayName", "Description", "CodeSourceUrl", "PipelineSpec"),
    ),
    # The newest releases of KFP have another table of this name, without a column for MLMD.
    CACHE: (("RunUUID", "Fingerprint"), ("MLMDExecutionID",)),
}
"""The columns that are read of each table: those that every release has, and those that only some have."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    RUNS: ("uuid", "name"),
    EXPERIMENTS: ("uuid", "name"),
    PIPELINES: ("uuid", "name"),
    VERSIONS: ("uuid", "pipelineid"),
    CACHE: ("runuuid", "fingerprint", "mlmdexecutionid"),
}
"""The columns without which a table is treated as absent."""

_OF_RELEASE_2 = "state"
"""The column of runs that releases since 2.0 have, as they have the cache."""


@record
class KfpTable(ForeignTable):
    """One table, which is treated as absent without the required columns."""

    def select(self, *names: str) -> Select[Any]:
        """Select columns by name."""
        return select(*(self[name] for name in names)).select_from(self.clause)

    def named(self, name: str) -> ColumnElement[bool]:
        """Return the condition that a column is among the bound NAMES."""
        return self.column(name).in_(bindparam(NAMES, type_=String(), expanding=True))


def read_tables(connection: Connection, database: Database) -> tuple[dict[str, KfpTable], Sequence[Lack]]:
    """Return the tables by name, and what of them lacks. Raises SourceRefused for a database without KFP's runs."""
    probe, tables, lacks = Probe(connection, database.forbids, ()), dict[str, KfpTable](), list[Lack]()
    for name, (base, further) in COLUMNS.items():
        table, lacking = probe.read(name, (*base, *further), _KEYS[name])
        tables[name] = KfpTable(table.clause, table.columns, table.has)
        # A column that only some releases have lacks if the database says that this user may not read it.
        lacks += [one for one in lacking if one.column not in further or one.cause is not Cause.MISSING]
    if _OF_RELEASE_2 not in tables[RUNS].columns:
        lacks = [one for one in lacks if one.table != CACHE]
    if tables[RUNS].has:
        return tables, lacks
    if probe.has(RUNS) or any(one.cause is not Cause.MISSING for one in lacks):
        raise SourceRefused(f"{incomplete(database, lacks)}; without {RUNS} it is of no use")
    raise SourceRefused(f"KFP's database {database.label} is not a database of KFP: it lacks the table {RUNS}")


def incomplete(database: Database, lacks: Sequence[Lack]) -> str:
    """Return the beginning of a sentence about a database that lacks something."""
    return f"KFP's database {database.label} is incomplete: {described(lacks)}"
