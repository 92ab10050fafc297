"""Statements on experiments. `SqlStore` makes one object a transaction; see storage.contract for the promises."""

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.errors import NotFound
from storage.model import Experiment
from storage.sql.dialects.dialect import Dialect
from storage.sql.rows import columns_of, values_of
from storage.sql.tables import experiments, settings

DEFAULT_SETTING = "default_experiment_id"
_COLUMNS = columns_of(experiments, Experiment)


class SqlExperiments:
    """Experiments as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def get(self, experiment_id: str) -> Experiment:
        """Return the experiment; raises NotFound."""
        statement = select(*_COLUMNS).where(experiments.c.id == experiment_id)
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise NotFound("experiment", experiment_id)
        return Experiment(*row)

    async def default_id(self) -> str:
        """Return the default experiment's id; raises NotFound once it was deleted."""
        statement = select(experiments.c.id).join(
            settings, (settings.c.name == DEFAULT_SETTING) & (settings.c.value == experiments.c.id)
        )
        found: str | None = (await self._connection.execute(statement)).scalar()
        if found is None:
            raise NotFound("experiment", "default")
        return found

    async def ensure_default(self, fallback: Experiment) -> str:
        """Return the default experiment's id, making it from the fallback when it is gone."""
        try:
            return await self.default_id()
        except NotFound:
            pass
        # An experiment that bears the name already is adopted, as the reference does.
        keys = ("name", "namespace")
        await self._connection.execute(self._dialect.insert_or_skip(experiments, keys), values_of(fallback))
        named = select(experiments.c.id).where(
            experiments.c.name == fallback.name, experiments.c.namespace == fallback.namespace
        )
        experiment_id: str = (await self._connection.execute(named)).scalar_one()
        changed = await self._connection.execute(
            update(settings).where(settings.c.name == DEFAULT_SETTING).values(value=experiment_id)
        )
        if changed.rowcount == 0:
            await self._connection.execute(insert(settings).values(name=DEFAULT_SETTING, value=experiment_id))
        return experiment_id

    async def record_run(self, experiment_id: str, created_at: int) -> None:
        """Move the time of the last run forward, never back."""
        await self._connection.execute(
            update(experiments)
            .where(experiments.c.id == experiment_id, experiments.c.last_run_created_at < created_at)
            .values(last_run_created_at=created_at)
        )
