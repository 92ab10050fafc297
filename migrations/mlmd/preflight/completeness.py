"""Checks that all that an import reads is there and may be read, by the version of the source. Opening a source calls this.

A reader cannot tell a table that is hidden from its user from one that the version lacks: it would import a history without its
properties, and comparing afterwards would find nothing.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from migrations.mlmd.kfp import tables as kfp_tables
from migrations.mlmd.read import schema as mlmd_schema
from migrations.mlmd.read.guest import Database
from migrations.mlmd.vocabulary.errors import SourceRefused

ALLOW = "--allow-incomplete"


async def find_gaps(source: str, kfp: str) -> list[str]:
    """Return one sentence, without its full stop, for each database that lacks something; "" stands for no database.

    Raises SourceRefused when one of them cannot be read at all; it says what the other one lacks, too.
    """
    gaps, has_error = [], False
    for url, what, find in ((source, "the source", _gap_of_mlmd), (kfp, "KFP's database", _gap_of_kfp)):
        if not url:
            continue
        try:
            gaps.append(await _asked(url, what, find))
        except SourceRefused as error:
            has_error = True
            gaps.append(str(error))
    sentences = [gap for gap in gaps if gap]
    if has_error:
        raise SourceRefused("; ".join(sentences))
    return sentences


def refusal(gaps: Sequence[str]) -> str:
    """Return the sentence with which an incomplete source is refused."""
    return f"{'; '.join(gaps)}; nothing was written. Let the user read all of it, or go on without it with {ALLOW}"


async def _asked(url: str, what: str, find: Callable[[Connection, Database], str]) -> str:
    database = Database(url, what=what)
    try:
        return await database.read(lambda connection: connection.run_sync(lambda sync: find(sync, database)))
    finally:
        await database.close()


def _gap_of_mlmd(connection: Connection, database: Database) -> str:
    schema = mlmd_schema.read_schema(connection, database)
    return mlmd_schema.incomplete(database, schema) if schema.lacks else ""


def _gap_of_kfp(connection: Connection, database: Database) -> str:
    _, lacks = kfp_tables.read_tables(connection, database)
    return kfp_tables.incomplete(database, lacks) if lacks else ""
