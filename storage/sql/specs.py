"""Specifications: large texts, kept once under the hash of their text. Runs and pipeline versions refer to them."""

import hashlib

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.dialects.dialect import Dialect
from storage.sql.tables import pipeline_specs


async def keep_spec(connection: AsyncConnection, dialect: Dialect, spec: str | None, *, created_at: int) -> str | None:
    """Keep a specification unless it is there; return its id, None for none."""
    if spec is None:
        return None
    spec_id = hashlib.sha256(spec.encode()).hexdigest()
    row = {"id": spec_id, "spec": spec, "created_at": created_at}
    await connection.execute(dialect.insert_or_skip(pipeline_specs, ["id"]), row)
    return spec_id
