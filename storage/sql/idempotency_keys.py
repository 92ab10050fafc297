"""Statements on idempotency keys and the answers kept under them. See storage.contract for the promises."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.model import KeptAnswer
from storage.sql.dialects.dialect import Dialect
from storage.sql.rows import RowVanished, columns_of, values_of
from storage.sql.tables import idempotency_keys

_FIND = select(*columns_of(idempotency_keys, KeptAnswer)).where(idempotency_keys.c.id == bindparam("id"))
_OLD = (
    select(idempotency_keys.c.id)
    .where(idempotency_keys.c.created_at < bindparam("created_before"))
    .order_by(idempotency_keys.c.created_at, idempotency_keys.c.id)
    .limit(bindparam("limit"))
)


class _Statements:
    """Statements on idempotency keys whose SQL depends on the dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.delete = delete(idempotency_keys).where(dialect.among(idempotency_keys.c.id, "ids"))


class SqlIdempotencyKeys:
    """Idempotency keys as one connection sees them."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect) -> None:
        self._connection, self._dialect = connection, dialect

    async def find(self, key_id: str) -> KeptAnswer | None:
        """Return what is kept under a key, None for nothing."""
        row = (await self._connection.execute(_FIND, {"id": key_id})).first()
        return None if row is None else KeptAnswer(*row)

    async def list_old(self, *, created_before: int, limit: int) -> Sequence[str]:
        """Return the ids of the oldest keys from before a time."""
        values = {"created_before": created_before, "limit": limit}
        return list((await self._connection.execute(_OLD, values)).scalars())

    async def keep(self, answer: KeptAnswer) -> KeptAnswer:
        """Keep an answer under a key, or return the one that is kept under it already."""
        if await self._dialect.insert_unless_taken(self._connection, idempotency_keys, ["id"], values_of(answer)):
            return answer
        earlier = await self.find(answer.id)
        if earlier is None:
            raise RowVanished
        return earlier

    async def delete(self, key_ids: Sequence[str]) -> None:
        """Delete keys with what is kept under them."""
        statement = self._dialect.statements(_Statements).delete
        await self._connection.execute(statement, {"ids": self._dialect.text_list(key_ids)})
