"""Statements on pipeline versions. See storage.contract for the promises."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.errors import AlreadyExists, RowNotFound
from storage.model import PipelineVersion
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import columns_of, values_of
from storage.sql.specs import keep_spec
from storage.sql.tables import pipeline_specs, pipeline_version_tags, pipeline_versions
from storage.sql.tags import add_tags, replace_tags, tags_of

_OTHER_TABLES = ("pipeline_spec", "tags")
_VERSION = columns_of(pipeline_versions, PipelineVersion, leaving_out=_OTHER_TABLES)
# Versions can also be filtered by their specification, so it is one of the columns of lists.
_WITH_SPEC = (
    select(*_VERSION, pipeline_specs.c.spec.label("pipeline_spec"))
    .select_from(pipeline_versions.outerjoin(pipeline_specs))
    .subquery("versions")
)
_COLUMNS = [*(_WITH_SPEC.c[column.name] for column in _VERSION), _WITH_SPEC.c.pipeline_spec]
_GET = select(*_COLUMNS).where(_WITH_SPEC.c.id == bindparam("version_id"))
_LATEST = (
    select(*_COLUMNS)
    .where(_WITH_SPEC.c.pipeline_id == bindparam("pipeline_id"))
    .order_by(_WITH_SPEC.c.created_at.desc(), _WITH_SPEC.c.id.desc())
    .limit(1)
)
_HAS_ID = pipeline_versions.c.id == bindparam("version_id")
_TOUCH = update(pipeline_versions).where(_HAS_ID).values(id=bindparam("version_id"))
_RENAME = update(pipeline_versions).where(_HAS_ID).values(display_name=bindparam("display_name"))
_DELETE = delete(pipeline_versions).where(_HAS_ID, pipeline_versions.c.pipeline_id == bindparam("of_pipeline"))


class _Statements:
    """Statements on pipeline versions whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        columns = pipeline_versions.c
        order = [columns.created_at.desc(), columns.id.desc()]
        recency = func.row_number().over(partition_by=columns.pipeline_id, order_by=order).label("recency")
        ranked = select(columns.id, recency).where(dialect.among(columns.pipeline_id, "ids")).subquery("ranked")
        self.latest_of = select(*_VERSION).join(ranked, ranked.c.id == columns.id).where(ranked.c.recency == 1)
        self.names = select(columns.id, columns.name).where(dialect.among(columns.id, "ids"))


class SqlPipelineVersions:
    """Pipeline versions as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def get(self, version_id: str) -> PipelineVersion:
        """Return a version with specification and tags; raises RowNotFound."""
        version = await self._find(_GET, version_id=version_id)
        if version is None:
            raise RowNotFound("pipeline version", version_id)
        return version

    async def find_latest(self, pipeline_id: str) -> PipelineVersion | None:
        """Return the version of a pipeline that was created last, if there is one."""
        return await self._find(_LATEST, pipeline_id=pipeline_id)

    async def latest_of(self, pipeline_ids: Sequence[str]) -> dict[str, PipelineVersion]:
        """Return the version created last of each pipeline that has one, by the pipeline's id; without specifications
        and tags.
        """
        values = {"ids": self._dialect.text_list(pipeline_ids)}
        rows = (await self._connection.execute(self._dialect.statements(_Statements).latest_of, values)).all()
        return {version.pipeline_id: version for version in (PipelineVersion(*row) for row in rows)}

    async def names(self, version_ids: Sequence[str]) -> dict[str, str]:
        """Return the names of those versions that exist, by their ids."""
        values = {"ids": self._dialect.text_list(version_ids)}
        rows = (await self._connection.execute(self._dialect.statements(_Statements).names, values)).all()
        return {id: name for id, name in rows}

    async def _find(self, statement: Select[Any], **values: str) -> PipelineVersion | None:
        row = (await self._connection.execute(statement, values)).first()
        if row is None:
            return None
        version = PipelineVersion(*row)
        tags = await tags_of(self._connection, self._dialect, pipeline_version_tags, [version.id])
        return replace(version, tags=tags.get(version.id, {}))

    async def list(self, listing: Listing, *, pipeline_id: str, with_spec: bool) -> Page[PipelineVersion]:
        """Return a page of a pipeline's versions with tags, and with specifications if `with_spec`."""
        versions = await page(
            self._connection,
            self._dialect,
            listing,
            table=_WITH_SPEC,
            columns=_COLUMNS if with_spec else _COLUMNS[:-1],
            scope=[_WITH_SPEC.c.pipeline_id == pipeline_id],
            record=lambda row: PipelineVersion(*row[:-1]),
            tags=pipeline_version_tags,
        )
        tags = await tags_of(self._connection, self._dialect, pipeline_version_tags, [row.id for row in versions.rows])
        return replace(versions, rows=[replace(row, tags=tags.get(row.id, {})) for row in versions.rows])

    async def create(self, version: PipelineVersion) -> None:
        """Insert a new version with its tags; raises AlreadyExists when the pipeline has one with that name."""
        spec_id = await keep_spec(self._connection, self._dialect, version.pipeline_spec, created_at=version.created_at)
        row = {**values_of(version, leaving_out=_OTHER_TABLES), "pipeline_spec_id": spec_id}
        keys = ("pipeline_id", "name")
        if not await self._dialect.insert_unless_taken(self._connection, pipeline_versions, keys, row):
            raise AlreadyExists("pipeline version", version.name)
        await add_tags(self._connection, pipeline_version_tags, version.id, version.tags)

    async def update(self, version_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Change display name and tags if given; raises RowNotFound."""
        if display_name is None:
            # The row is locked all the same, so that only one call at a time replaces its tags.
            result = await self._connection.execute(_TOUCH, {"version_id": version_id})
        else:
            result = await self._connection.execute(_RENAME, {"version_id": version_id, "display_name": display_name})
        if result.rowcount == 0:
            raise RowNotFound("pipeline version", version_id)
        if tags is not None:
            await replace_tags(self._connection, pipeline_version_tags, version_id, tags)

    async def delete(self, version_id: str, *, pipeline_id: str) -> None:
        """Delete a version of a pipeline; raises RowNotFound, even if another pipeline has it."""
        result = await self._connection.execute(_DELETE, {"version_id": version_id, "of_pipeline": pipeline_id})
        if result.rowcount == 0:
            raise RowNotFound("pipeline version", version_id)
