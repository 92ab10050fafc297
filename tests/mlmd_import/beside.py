"""Imports of sources to which programs write meanwhile. For the tests of this folder."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrations.mlmd import importer
from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.read.guest import Database
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.verify import verify
from storage.sql.dialects import dialect_for
from tests.mlmd.copies import copy_to_mysql, copy_to_postgresql
from tests.mlmd.reading import STORES
from tests.mlmd_import.imports import Watching, contents, imported
from tests.mlmd_import.source_writer import SourceWriter
from tests.mlmd_import.whole import assert_one_root_each, assert_whole

EXECUTIONS_PER_BATCH, ARTIFACTS_PER_BATCH = 12, 20

Act = Callable[[SourceWriter, int], object]
"""What a program does for the n-th time."""


def make_source(name: str, url: str, folder: Path) -> str:
    """Copy a store: a file for the tests on files, otherwise a database of the same kind as the store that is imported into."""
    if url.startswith("sqlite"):
        return f"sqlite:///{shutil.copy(STORES / f'{name}.sqlite', folder / f'{name}.sqlite')}"
    copy = copy_to_mysql if url.startswith("mysql") else copy_to_postgresql
    copy(STORES / f"{name}.sqlite", url)
    return url


class Beside:
    """Imports a source while a program acts before each snapshot that a reader takes of it.

    With KFP's own database, another one acts before each snapshot of that, in the middle of one of MLMD's store.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, source: str, kfp: str = "") -> None:
        self.writer = SourceWriter(source)
        self.kfp = SourceWriter(kfp) if kfp else None
        self.times = 0
        self._acts: tuple[Act, Act] | None = None
        opened, source_label = Database._open, dialect_for(source).label

        async def open_after_act(database: Database) -> Any:
            if self._acts is not None:
                act, kfp_act = self._acts
                if database.label == source_label:
                    act(self.writer, self.times)
                elif self.kfp is not None:
                    kfp_act(self.kfp, self.times)
                self.times += 1
            return await opened(database)

        monkeypatch.setattr(Database, "_open", open_after_act)
        for name in ("EXECUTIONS_PER_SHORT_BATCH", "EXECUTIONS_PER_BATCH"):
            monkeypatch.setattr(importer, name, EXECUTIONS_PER_BATCH)
        monkeypatch.setattr("migrations.mlmd.read.store.ARTIFACTS_PER_BATCH", ARTIFACTS_PER_BATCH)

    async def imports(
        self,
        request: ImportRequest,
        act: Act,
        kfp_act: Act = lambda *_: None,
        check: Callable[[str], None] = lambda _: None,
        *,
        looks: bool = False,
    ) -> None:
        """Import twice while programs act, then once without; verify. After each, the store is whole and passes the check.

        With `looks`, dry runs and verifying, whose results mean nothing then, also go on beside the programs.
        """
        for _ in range(2):
            self._acts, before = (act, kfp_act), self.times
            await imported(request)
            if looks:
                await dry_run(request, Watching())
                await verify(request, Watching())
            self._acts = None
            assert self.times - before > 5
            assert_whole(request.store)
            check(request.store)
        await imported(request)
        assert_whole(request.store)
        assert [one.sentence() for one in (await verify(request, Watching())).differences] == []
        self.writer.close()


async def assert_like_a_fresh_import(request: ImportRequest, store: str) -> None:
    """A store has what an import into another one makes of the source."""
    await imported(replace(request, store=store))
    found, expected = contents(request.store), contents(store)
    assert {name: set(rows) ^ set(expected[name]) for name, rows in found.items()} == {name: set() for name in found}
    assert_one_root_each(request.store)
