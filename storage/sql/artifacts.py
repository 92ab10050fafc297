"""Statements on artifacts. See storage.contract for the promises."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Lock, Page
from storage.digests import text_digest
from storage.errors import RowNotFound
from storage.ids import possible_ids
from storage.model import Artifact
from storage.sql.dialects.dialect import Dialect
from storage.sql.listing import page
from storage.sql.rows import RowVanished, columns_of, inline_literal, values_of
from storage.sql.tables import artifacts

_COLUMNS = columns_of(artifacts, Artifact)
_IN_NAMESPACE = artifacts.c.namespace == bindparam("namespace")
_GET = select(*_COLUMNS).where(artifacts.c.id == bindparam("id"))
_BY_IDENTITY = select(*_COLUMNS).where(_IN_NAMESPACE, artifacts.c.identity_key == bindparam("identity_key"))
_BY_URI = select(*_COLUMNS).where(
    artifacts.c.uri_hash == bindparam("uri_hash"),
    artifacts.c.uri_hash != inline_literal(""),  # the partial index's condition
    _IN_NAMESPACE,
    artifacts.c.uri == bindparam("uri"),
)
_SET_METRIC = (
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"))
    .values({name: bindparam(name) for name in ("metadata", "number_value", "identity_key", "updated_at")})
)


class _Statements:
    """Statements on artifacts whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        rows, condition = dialect.rows_among(artifacts, artifacts.c.id, "ids", columns=("id", "namespace"))
        self.namespaces = select(rows.c.id, rows.c.namespace).where(condition)
        self.lock = dialect.locked(_GET, Lock.UPDATE)


class SqlArtifacts:
    """Artifacts as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def get(self, artifact_id: str) -> Artifact:
        """Return an artifact; raises RowNotFound."""
        return await self._get(_GET, artifact_id)

    async def lock(self, artifact_id: str) -> Artifact:
        """Return an artifact and lock its row; raises RowNotFound."""
        return await self._get(self._dialect.statements(_Statements).lock, artifact_id)

    async def _get(self, statement: Select[Any], artifact_id: str) -> Artifact:
        row = (await self._connection.execute(statement, {"id": artifact_id})).first()
        if row is None:
            raise RowNotFound("artifact", artifact_id)
        return Artifact(*row)

    async def namespaces(self, artifact_ids: Sequence[str]) -> dict[str, str]:
        """Return the namespaces of those artifacts that exist."""
        ids = possible_ids(artifact_ids)
        if not ids:
            return {}
        statement = self._dialect.statements(_Statements).namespaces
        rows = (await self._connection.execute(statement, {"ids": self._dialect.text_list(ids)})).all()
        return {artifact_id: namespace for artifact_id, namespace in rows}

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Artifact]:
        """Return a page of artifacts, of a namespace when one is given."""
        return await page(
            self._connection,
            self._dialect,
            listing,
            table=artifacts,
            columns=_COLUMNS,
            scope=[] if namespace is None else [artifacts.c.namespace == namespace],
            record=lambda row: Artifact(*row[:-1]),
        )

    async def find_by_identity(self, namespace: str, identity_key: str) -> Artifact | None:
        """Return the artifact created with this identity, if any."""
        values = {"namespace": namespace, "identity_key": identity_key}
        row = (await self._connection.execute(_BY_IDENTITY, values)).first()
        return None if row is None else Artifact(*row)

    async def find_by_uri(self, namespace: str, uri: str) -> Sequence[Artifact]:
        """Return the artifacts with this uri, oldest first."""
        values = {"namespace": namespace, "uri": uri, "uri_hash": text_digest(uri)}
        rows = (await self._connection.execute(_BY_URI, values)).all()
        # Not with ORDER BY: to avoid sorting a few rows, a planner may scan the whole namespace in that order.
        return sorted((Artifact(*row) for row in rows), key=lambda artifact: (artifact.created_at, artifact.id))

    async def create(self, records: Sequence[Artifact]) -> None:
        """Insert new artifacts."""
        rows = [values_of(artifact) for artifact in records]
        await self._dialect.many_rows.insert(self._connection, artifacts, rows)

    async def create_unique(self, artifact: Artifact) -> Artifact:
        """Insert a new artifact, or return the existing one with its identity."""
        assert artifact.identity_key is not None
        keys = ["namespace", "identity_key"]
        if await self._dialect.insert_unless_taken(self._connection, artifacts, keys, values_of(artifact)):
            return artifact
        holder = await self.find_by_identity(artifact.namespace, artifact.identity_key)
        if holder is None:
            raise RowVanished
        return holder

    async def set_metric(
        self, artifact: Artifact, *, metadata: str | None, number_value: float | None, updated_at: int
    ) -> Artifact:
        """Write what changes of a metric, which is locked; return it as it is stored."""
        values = {"metadata": metadata, "number_value": number_value, "identity_key": None, "updated_at": updated_at}
        await self._connection.execute(_SET_METRIC, {"artifact_id": artifact.id, **values})
        return replace(artifact, metadata=metadata, number_value=number_value, identity_key=None, updated_at=updated_at)
