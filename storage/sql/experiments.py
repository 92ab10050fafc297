"""Statements on experiments. `SqlStore` makes one object per transaction; see storage.contract for the promises."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Lock, Page
from storage.errors import AlreadyExists, RowNotFound
from storage.model import Experiment
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import columns_of, values_of
from storage.sql.tables import experiments, runs, settings

DEFAULT_SETTING = "default_experiment_id"
_COLUMNS = columns_of(experiments, Experiment)
_HAS_ID = experiments.c.id == bindparam("experiment_id")
_NEWEST_RUN = (
    select(runs.c.created_at)
    .where(runs.c.experiment_id == bindparam("experiment_id"))
    .order_by(runs.c.created_at.desc())
    .limit(literal_column("1"))
    .scalar_subquery()
)
_GET = select(*_COLUMNS, _NEWEST_RUN).where(_HAS_ID)
_UNRECORDED = (
    select(experiments.c.id, func.max(runs.c.created_at))
    .join(runs, runs.c.experiment_id == experiments.c.id)
    .where(
        runs.c.created_at >= bindparam("created_since"),
        runs.c.created_at > experiments.c.last_run_created_at,
    )
    .group_by(experiments.c.id)
)
_DEFAULT_ID = select(experiments.c.id).join(
    settings, (settings.c.name == DEFAULT_SETTING) & (settings.c.value == experiments.c.id)
)
_ID_OF_NAME = select(experiments.c.id).where(
    experiments.c.name == bindparam("name"), experiments.c.namespace == bindparam("namespace")
)
_SET_STORAGE_STATE = update(experiments).where(_HAS_ID).values(storage_state=bindparam("storage_state"))
_DELETE = delete(experiments).where(_HAS_ID)
_RECORD_RUN = (
    update(experiments)
    .where(_HAS_ID, experiments.c.last_run_created_at < bindparam("run_created_at"))
    .values(last_run_created_at=bindparam("run_created_at"))
)


async def find_default_id(connection: AsyncConnection) -> str | None:
    """Return the default experiment's id, None after it was deleted."""
    experiment_id: str | None = (await connection.execute(_DEFAULT_ID)).scalar()
    return experiment_id


class _Statements:
    """Statements on experiments whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.locked = {lock: dialect.locked(select(*_COLUMNS).where(_HAS_ID), lock) for lock in Lock}


class SqlExperiments:
    """Experiments as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect
        self._statements = dialect.statements(_Statements)

    async def get(self, experiment_id: str) -> Experiment:
        """Return the experiment; raises RowNotFound."""
        row = (await self._connection.execute(_GET, {"experiment_id": experiment_id})).first()
        if row is None:
            raise RowNotFound("experiment", experiment_id)
        experiment = Experiment(*row[:-1])
        newest_run = row[-1] or 0
        if newest_run > experiment.last_run_created_at:
            experiment = replace(experiment, last_run_created_at=newest_run)
        return experiment

    async def lock(self, experiment_id: str, lock: Lock) -> Experiment:
        """Return an experiment as it is recorded and lock its row; raises RowNotFound."""
        statement = self._statements.locked[lock]
        row = (await self._connection.execute(statement, {"experiment_id": experiment_id})).first()
        if row is None:
            raise RowNotFound("experiment", experiment_id)
        return Experiment(*row)

    async def unrecorded_runs(self, *, created_since: int) -> Sequence[tuple[str, int]]:
        """Return the experiments with a newer run than is recorded, and when it was created; older runs are not looked at."""
        rows = (await self._connection.execute(_UNRECORDED, {"created_since": created_since})).all()
        return [(experiment_id, created_at) for experiment_id, created_at in rows]

    async def default_id(self) -> str:
        """Return the default experiment's id; raises RowNotFound after it was deleted."""
        experiment_id = await find_default_id(self._connection)
        if experiment_id is None:
            raise RowNotFound("experiment", "default")
        return experiment_id

    async def ensure_default(self, fallback: Experiment) -> str:
        """Return the default experiment's id, creating it from the fallback when it was deleted."""
        try:
            return await self.default_id()
        except RowNotFound:
            pass
        # An experiment that already has the name becomes the default, as in KFP's API server.
        keys = ("name", "namespace")
        await self._connection.execute(self._dialect.insert_or_skip(experiments, keys), values_of(fallback))
        name = {"name": fallback.name, "namespace": fallback.namespace}
        experiment_id: str = (await self._connection.execute(_ID_OF_NAME, name)).scalar_one()
        result = await self._connection.execute(
            update(settings).where(settings.c.name == DEFAULT_SETTING).values(value=experiment_id)
        )
        if result.rowcount == 0:
            await self._connection.execute(insert(settings).values(name=DEFAULT_SETTING, value=experiment_id))
        return experiment_id

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Experiment]:
        """Return a page of experiments, of a namespace when one is given."""
        return await page(
            self._connection,
            self._dialect,
            listing,
            table=experiments,
            columns=_COLUMNS,
            scope=[] if namespace is None else [experiments.c.namespace == namespace],
            record=lambda row: Experiment(*row[:-1]),
        )

    async def create(self, experiment: Experiment) -> None:
        """Insert a new experiment; raises AlreadyExists when the name is taken."""
        row, keys = values_of(experiment), ("name", "namespace")
        if not await self._dialect.insert_unless_taken(self._connection, experiments, keys, row):
            raise AlreadyExists("experiment", experiment.name)

    async def set_storage_state(self, experiment_id: str, storage_state: str) -> None:
        """Archive or unarchive an experiment; raises RowNotFound."""
        values = {"experiment_id": experiment_id, "storage_state": storage_state}
        result = await self._connection.execute(_SET_STORAGE_STATE, values)
        if result.rowcount == 0:
            raise RowNotFound("experiment", experiment_id)

    async def delete(self, experiment_id: str) -> None:
        """Delete an experiment but not its runs. Raises RowNotFound."""
        result = await self._connection.execute(_DELETE, {"experiment_id": experiment_id})
        if result.rowcount == 0:
            raise RowNotFound("experiment", experiment_id)

    async def record_run(self, experiment_id: str, created_at: int) -> None:
        """Move the time of the last run forward, never back."""
        values = {"experiment_id": experiment_id, "run_created_at": created_at}
        await self._connection.execute(_RECORD_RUN, values)
