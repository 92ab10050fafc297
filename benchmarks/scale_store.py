"""Stores of a given number of runs, filled by SQL. `benchmarks.scale` uses this."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.upgrade import upgrade
from storage.sql.dialects import dialect_for
from tests.databases import sqlite_path

TASKS = 5
"""How many tasks a run has; each makes an artifact, and uses that of the task before it."""

LARGE = 600
"""How many characters the documents of a row have, each."""

GROUPS = 50
"""How many experiments, pipelines, versions and recurring runs there are."""

# Of 1,000 runs 5 are unfinished and 30 have failed, and each tenth is archived, the oldest ones first.
_STATE = """CASE WHEN n % 1000 < 3 THEN 'RUNNING' WHEN n % 1000 < 5 THEN 'PENDING'
    WHEN n % 100 < 8 AND n % 100 > 4 THEN 'FAILED' ELSE 'SUCCEEDED' END"""

_STATEMENTS = (
    """INSERT INTO experiments (id, name, description, storage_state, created_at)
    SELECT {experiment}, {experiment}, '', 'AVAILABLE', 1700000000000000 + n FROM {groups}""",
    f"""INSERT INTO runs (id, experiment_id, display_name, description, storage_state, state, state_history,
        recurring_run_id, pipeline_id, pipeline_version_id, runtime_config, created_at, scheduled_at, updated_at)
    SELECT {{run}}, {{experiment}}, {{name}}, '', CASE WHEN n % 10 = 0 THEN 'ARCHIVED' ELSE 'AVAILABLE' END, {_STATE},
        '[]', {{recurring}}, {{pipeline}}, {{version}}, {{config}}, 1700000000000000 + n, 0, 1700000000000000 + n
    FROM {{numbers}}""",
    """INSERT INTO tasks (id, run_id, name, display_name, type, state, cache_fingerprint, scope_path, input_parameters,
        created_at, updated_at)
    SELECT {task}, {run_of}, 'train', '', 2, 2, {print}, 'root.train', {parameters}, 1700000000000000 + n, 1700000000000000 + n
    FROM {parts}""",
    """INSERT INTO artifacts (id, type, name, description, uri, uri_hash, metadata, created_at, updated_at)
    SELECT {artifact}, 3, 'model', '', {uri}, {artifact}, {metadata}, 1700000000000000 + n, 1700000000000000 + n
    FROM {parts}""",
    """INSERT INTO artifact_tasks (id, artifact_id, task_id, run_id, type, {key}, iteration, producer)
    SELECT {link}, {artifact}, {task}, {run_of}, 4, 'model', 0, '{{}}' FROM {parts}""",
)


def fill(url: str, count: int) -> None:
    """Upgrade an empty store and fill it with runs."""
    upgrade(url)
    words = _words(urlsplit(url).scheme, count)
    filled = [statement.format_map(words) for statement in _STATEMENTS]
    if urlsplit(url).scheme == "sqlite":
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = OFF")
            for statement in filled:
                database.execute(statement)
    else:
        asyncio.run(_fill_server(url, filled))


async def _fill_server(url: str, filled: list[str]) -> None:
    engine = create_async_engine(dialect_for(url).url)
    async with engine.connect() as connection:
        for statement in filled:
            await connection.execute(text(statement.replace(":", r"\:")))
            await connection.commit()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        is_mysql = urlsplit(url).scheme == "mysql"
        await connection.execute(text("ANALYZE TABLE runs, tasks, artifacts" if is_mysql else "VACUUM ANALYZE"))
    await engine.dispose()


def _words(kind: str, count: int) -> dict[str, Any]:
    """Return the parts of the statements that databases write differently."""

    def joined(word: str, number: str, digits: int = 8) -> str:
        if kind == "sqlite":
            return f"printf('{word} %0{digits}d', {number})" if digits else f"'{word} ' || ({number})"
        padded = f"lpad(CAST({number} AS char({digits})), {digits}, '0')" if digits else number
        return f"concat('{word} ', {padded})"

    def numbers(end: int) -> str:
        if kind == "mysql":
            return f"(SELECT seq AS n FROM seq_0_to_{end - 1}) numbers"
        if kind == "postgresql":
            return f"generate_series(0, {end - 1}) n"
        steps = f"SELECT 0 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {end - 1}"
        return f"(WITH RECURSIVE numbers AS ({steps}) SELECT n FROM numbers)"

    long_text = f"printf('%.{LARGE}c', 'x')" if kind == "sqlite" else f"repeat('x', {LARGE})"

    def around(before: str, after: str) -> str:
        return (
            f"'{before}' || {long_text} || '{after}'"
            if kind != "mysql"
            else f"concat('{before}', {long_text}, '{after}')"
        )

    group, half = f"n % {GROUPS}", f"n / {TASKS}"
    run_of = f"floor({half})" if kind == "mysql" else half
    return {
        "run": joined("run", "n"),
        "run_of": joined("run", run_of),
        "task": joined("task", "n"),
        "artifact": joined("artifact", "n"),
        "link": joined("link", "n"),
        "name": joined("name", f"(n * 7919) % {count}"),
        "print": joined("print", f"n % {count}"),
        "uri": joined("s3://bucket", "n"),
        "experiment": joined("experiment", group, 0),
        "recurring": joined("recurring", group, 0),
        "pipeline": joined("pipeline", group, 0),
        "version": joined("version", group, 0),
        "config": around('{"parameters":{"text":"', '"}}'),
        "parameters": around('[{"value":"', '","type":"RUNTIME_VALUE_INPUT","parameterKey":"text"}]'),
        "metadata": around('{"text":"', '"}'),
        "key": "`key`" if kind == "mysql" else "key",
        "groups": numbers(GROUPS),
        "numbers": numbers(count),
        "parts": numbers(count * TASKS),
    }
