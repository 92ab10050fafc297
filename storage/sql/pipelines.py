"""Statements on pipelines. See storage.contract for the promises."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.errors import AlreadyExists, InUse, RowNotFound
from storage.model import Pipeline
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import columns_of, values_of
from storage.sql.tables import pipeline_tags, pipeline_versions, pipelines
from storage.sql.tags import add_tags, replace_tags, tags_of

_COLUMNS = columns_of(pipelines, Pipeline, leaving_out=("tags",))
_HAS_ID = pipelines.c.id == bindparam("pipeline_id")
_GET = select(*_COLUMNS).where(_HAS_ID)
_GET_BY_NAME = select(*_COLUMNS).where(
    pipelines.c.name == bindparam("name"), pipelines.c.namespace == bindparam("namespace")
)
_TOUCH = update(pipelines).where(_HAS_ID).values(id=bindparam("pipeline_id"))
_RENAME = update(pipelines).where(_HAS_ID).values(display_name=bindparam("display_name"))
_DELETE = delete(pipelines).where(_HAS_ID)
_OF_PIPELINE = pipeline_versions.c.pipeline_id == bindparam("pipeline_id")
_HAS_VERSIONS = select(exists().where(_OF_PIPELINE))
_DELETE_VERSIONS = delete(pipeline_versions).where(_OF_PIPELINE)


class SqlPipelines:
    """Pipelines as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def get(self, pipeline_id: str) -> Pipeline:
        """Return a pipeline with its tags; raises RowNotFound."""
        return await self._find(_GET, pipeline_id, pipeline_id=pipeline_id)

    async def get_by_name(self, name: str, namespace: str) -> Pipeline:
        """Return the pipeline with a name, and its tags; raises RowNotFound."""
        return await self._find(_GET_BY_NAME, name, name=name, namespace=namespace)

    async def _find(self, statement: Select[Any], label: str, **values: str) -> Pipeline:
        row = (await self._connection.execute(statement, values)).first()
        if row is None:
            raise RowNotFound("pipeline", label)
        pipeline = Pipeline(*row)
        tags = await tags_of(self._connection, self._dialect, pipeline_tags, [pipeline.id])
        return replace(pipeline, tags=tags.get(pipeline.id, {}))

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Pipeline]:
        """Return a page of pipelines with their tags, of a namespace when one is given."""
        pipelines_page = await page(
            self._connection,
            self._dialect,
            listing,
            table=pipelines,
            columns=_COLUMNS,
            scope=[] if namespace is None else [pipelines.c.namespace == namespace],
            record=lambda row: Pipeline(*row[:-1]),
            tags=pipeline_tags,
        )
        tags = await tags_of(self._connection, self._dialect, pipeline_tags, [row.id for row in pipelines_page.rows])
        return replace(pipelines_page, rows=[replace(row, tags=tags.get(row.id, {})) for row in pipelines_page.rows])

    async def create(self, pipeline: Pipeline) -> None:
        """Insert a new pipeline with its tags; raises AlreadyExists when the name is taken."""
        row = values_of(pipeline, leaving_out=("tags",))
        keys = ("name", "namespace")
        if not await self._dialect.insert_unless_taken(self._connection, pipelines, keys, row):
            raise AlreadyExists("pipeline", pipeline.name)
        await add_tags(self._connection, pipeline_tags, pipeline.id, pipeline.tags)

    async def update(self, pipeline_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Change display name and tags if given; raises RowNotFound."""
        if display_name is None:
            # The row is locked all the same, so that only one call at a time replaces its tags.
            result = await self._connection.execute(_TOUCH, {"pipeline_id": pipeline_id})
        else:
            values = {"pipeline_id": pipeline_id, "display_name": display_name}
            result = await self._connection.execute(_RENAME, values)
        if result.rowcount == 0:
            raise RowNotFound("pipeline", pipeline_id)
        if tags is not None:
            await replace_tags(self._connection, pipeline_tags, pipeline_id, tags)

    async def delete(self, pipeline_id: str, *, with_versions: bool) -> None:
        """Delete a pipeline; raises RowNotFound, and InUse when it has versions and not `with_versions`."""
        if with_versions:
            await self._connection.execute(_DELETE_VERSIONS, {"pipeline_id": pipeline_id})
        elif (await self._connection.execute(_HAS_VERSIONS, {"pipeline_id": pipeline_id})).scalar():
            raise InUse("pipeline", pipeline_id)
        result = await self._connection.execute(_DELETE, {"pipeline_id": pipeline_id})
        if result.rowcount == 0:
            raise RowNotFound("pipeline", pipeline_id)
