"""Statements on pipelines. See storage.contract for the promises."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.errors import AlreadyExists, InUse, RowNotFound
from storage.model import Pipeline
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import columns_of, values_of
from storage.sql.tables import pipeline_tags, pipeline_versions, pipelines
from storage.sql.tags import add_tags, replace_tags, tags_of

_COLUMNS = columns_of(pipelines, Pipeline, leaving_out=["tags"])


class SqlPipelines:
    """Pipelines as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def get(self, pipeline_id: str) -> Pipeline:
        """Return a pipeline with its tags; raises RowNotFound."""
        return await self._get(pipelines.c.id == pipeline_id, pipeline_id)

    async def get_by_name(self, name: str, namespace: str) -> Pipeline:
        """Return the pipeline of a name with its tags; raises RowNotFound."""
        return await self._get((pipelines.c.name == name) & (pipelines.c.namespace == namespace), name)

    async def _get(self, where: ColumnElement[bool], key: str) -> Pipeline:
        row = (await self._connection.execute(select(*_COLUMNS).where(where))).first()
        if row is None:
            raise RowNotFound("pipeline", key)
        pipeline = Pipeline(*row)
        tags = await tags_of(self._connection, pipeline_tags, [pipeline.id])
        return replace(pipeline, tags=tags.get(pipeline.id, {}))

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Pipeline]:
        """Return a page of pipelines with their tags, of a namespace when one is given."""
        page_of_pipelines = await page(
            self._connection,
            self._dialect,
            listing,
            table=pipelines,
            columns=_COLUMNS,
            scope=[] if namespace is None else [pipelines.c.namespace == namespace],
            record=lambda row: Pipeline(*row[:-1]),
            tags=pipeline_tags,
        )
        tags = await tags_of(self._connection, pipeline_tags, [row.id for row in page_of_pipelines.rows])
        return replace(
            page_of_pipelines, rows=[replace(row, tags=tags.get(row.id, {})) for row in page_of_pipelines.rows]
        )

    async def create(self, pipeline: Pipeline) -> None:
        """Keep a new pipeline with its tags; raises AlreadyExists when the name is taken."""
        row = values_of(pipeline, leaving_out=["tags"])
        keys = ("name", "namespace")
        if not await self._dialect.insert_unless_taken(self._connection, pipelines, keys, row):
            raise AlreadyExists("pipeline", pipeline.name)
        await add_tags(self._connection, pipeline_tags, pipeline.id, pipeline.tags)

    async def update(self, pipeline_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Change what is given; raises RowNotFound."""
        # Without a new name the id is set to itself: the row count still says whether the pipeline exists.
        values = {"display_name": display_name} if display_name is not None else {"id": pipeline_id}
        result = await self._connection.execute(update(pipelines).where(pipelines.c.id == pipeline_id).values(**values))
        if result.rowcount == 0:
            raise RowNotFound("pipeline", pipeline_id)
        if tags is not None:
            await replace_tags(self._connection, pipeline_tags, pipeline_id, tags)

    async def delete(self, pipeline_id: str, *, with_versions: bool) -> None:
        """Delete a pipeline; raises RowNotFound, and InUse when it has versions that are not to go with it."""
        if with_versions:
            await self._connection.execute(
                delete(pipeline_versions).where(pipeline_versions.c.pipeline_id == pipeline_id)
            )
        else:
            has_versions = select(exists().where(pipeline_versions.c.pipeline_id == pipeline_id))
            if (await self._connection.execute(has_versions)).scalar():
                raise InUse("pipeline", pipeline_id)
        result = await self._connection.execute(delete(pipelines).where(pipelines.c.id == pipeline_id))
        if result.rowcount == 0:
            raise RowNotFound("pipeline", pipeline_id)
