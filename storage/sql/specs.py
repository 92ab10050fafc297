"""Specifications: large texts, each stored once, with its hash as id. Runs and pipeline versions refer to them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.digests import spec_id
from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import pipeline_specs


async def keep_spec(connection: AsyncConnection, dialect: Dialect, spec: str | None, *, created_at: int) -> str | None:
    """Store a specification unless it exists; return its id, or None if there is no specification."""
    id = spec_id(spec)
    if id is not None:
        row = {"id": id, "spec": spec, "created_at": created_at}
        await connection.execute(dialect.insert_or_skip(pipeline_specs, ["id"]), row)
    return id
