"""How a database would answer a statement: the indexes it uses, and whether it sorts. Called by the store's tests."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import UniqueConstraint, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sql.store import SqlStore
from storage.sql.tables import metadata
from tests.contract.watching import Statement


@dataclass(frozen=True)
class Plan:
    """What a database will do; indexes are named as the schema names them, `tasks.id` being a primary key."""

    indexes: frozenset[str]
    sorts: bool
    shown: str


async def explain(store: SqlStore, statement: Statement, *, may_sort: bool = True) -> Plan:
    """The plan of a statement just as it was sent.

    PostgreSQL is told to think rows many, as it would read tables this small whole, or sort what it finds in them; it
    sorts in spite of may_sort where no index gives the order.
    """
    async with store.engines[1].connect() as connection:
        if store.dialect.name == "postgresql":
            for setting in ("seqscan",) if may_sort else ("seqscan", "bitmapscan", "sort"):
                await connection.execute(text(f"SET LOCAL enable_{setting} = off"))
        return await _EXPLAIN[store.dialect.name](connection, statement)


async def explain_for_any_value(store: SqlStore, statement: Statement) -> Plan:
    """PostgreSQL's plan of a statement that it has prepared without looking at the values it was sent with."""
    values = ", ".join(
        "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value) for value in statement.parameters
    )
    async with store.engines[1].connect() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        await connection.exec_driver_sql(f"PREPARE looked_up AS {statement.text}")
        plan = await _postgresql(connection, Statement(f"EXECUTE looked_up({values})", ()))
        await connection.exec_driver_sql("DEALLOCATE looked_up")
        return plan


async def analyze(store: SqlStore) -> None:
    """Let the database count its rows, where a plan in real life would know them."""
    statements = {"postgresql": "ANALYZE", "mysql": f"ANALYZE TABLE {', '.join(metadata.tables)}"}
    if store.dialect.name in statements:
        async with store.engines[0].connect() as connection:
            await connection.exec_driver_sql(statements[store.dialect.name])
            await connection.commit()


@asynccontextmanager
async def counted_store(url: str) -> AsyncIterator[SqlStore]:
    """A store whose rows the database has counted."""
    store = SqlStore(url)
    await analyze(store)
    yield store
    await store.close()


async def _sqlite(connection: AsyncConnection, statement: Statement) -> Plan:
    rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters)).all()
    shown = "\n".join(row[3] for row in rows)
    indexes = frozenset(_KEYS.get(name, name) for name in re.findall(r"INDEX (\w+)", shown))
    return Plan(indexes, "TEMP B-TREE" in shown, shown)


# SQLite numbers a table's keys: the primary key, then what is unique.
_KEYS = {f"sqlite_autoindex_{name}_1": f"{name}.id" for name in metadata.tables} | {
    f"sqlite_autoindex_{table.name}_2": str(constraint.name)
    for table in metadata.tables.values()
    for constraint in table.constraints
    if isinstance(constraint, UniqueConstraint)
}


async def _postgresql(connection: AsyncConnection, statement: Statement) -> Plan:
    answer = (
        await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement.text}", statement.parameters)
    ).scalar_one()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    nodes = list(_nodes(plan[0]["Plan"]))
    indexes = frozenset(re.sub("_pkey$", ".id", node["Index Name"]) for node in nodes if "Index Name" in node)
    return Plan(indexes, any("Sort" in node["Node Type"] for node in nodes), json.dumps(plan, indent=1))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


async def _mysql(connection: AsyncConnection, statement: Statement) -> Plan:
    rows = (await connection.exec_driver_sql(f"EXPLAIN {statement.text}", statement.parameters)).mappings().all()
    keys = {(row["table"], row["key"]) for row in rows if row["key"]}
    indexes = frozenset(f"{table}.id" if key == "PRIMARY" else key for table, key in keys)
    shown = "\n".join(str(dict(row)) for row in rows)
    return Plan(indexes, "filesort" in shown, shown)


_EXPLAIN = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
