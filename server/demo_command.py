"""lineal-server demo: fills a store of its own with the history of a demo. The command `demo` calls it, and then serves the store.

The history is written into a file beside the store's and renamed when it is whole: what was interrupted is no store.
"""

import asyncio
import contextlib
import os
import tempfile
from functools import partial
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

from lineal.v2beta1 import run_pb2

import migrations.upgrade
from migrations.mlmd.importer import run_import
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.source import ImportRequest
from server import app
from server.apis.kfp.services.runs import list_runs
from server.calls.call import microseconds_now
from server.config import Settings
from server.demo.history import runs
from server.demo.mlmd_store import write_mlmd_store
from server.demo.pipelines import PIPELINES
from server.demo.recorder import Clock, Recorder
from storage import ids
from storage.errors import StorageError, Unavailable
from storage.sql.dialects import dialect_for

STORE = "sqlite:///lineal-demo.sqlite"
"""The store that is filled when no other is named."""

_SCHEME = "sqlite:///"
_SEED = 20


class DemoRefused(Exception):
    """The store cannot be filled; the text says why, and what to do."""


def fill_new_store(url: str, *, now: int | None = None) -> None:
    """Fill a new SQLite store with the history of the demo, which ends now (microseconds UTC).

    Equal moments give equal stores. Raises DemoRefused and StorageError; there is no new file then.
    """
    path = _path_of(url)
    _require_free(path, url)
    end = microseconds_now() if now is None else now
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            file = Path(folder, "filling.sqlite")
            asyncio.run(_fill(f"{_SCHEME}{file}", Path(folder, "mlmd.sqlite"), end))
            _require_free(path, url)
            os.rename(file, path)
    except OSError as error:
        raise Unavailable(f"{url} cannot be written: {error.strerror}") from error


def _path_of(url: str) -> Path:
    if dialect_for(url).name != "sqlite":
        raise DemoRefused("the demo fills a SQLite file of its own: --store sqlite:///FILE")
    return Path(url.removeprefix(_SCHEME)).absolute()


def _require_free(path: Path, url: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size == 0:
            return
        count = asyncio.run(_run_count(url))
        holds = (
            "is there already" if count is None else f"holds {count} runs already" if count else "is a store already"
        )
        raise DemoRefused(
            f"{path} {holds}: name another file with --store, delete it, or serve it as it is with: "
            f"lineal-server serve --store {url}"
        )


async def _run_count(url: str) -> int | None:
    """Return how many runs a store holds; None for a file that is no store, or one that cannot be read."""
    request = run_pb2.ListRunsRequest(page_size=1, view=run_pb2.ListRunsRequest.BASIC)
    try:
        await migrations.upgrade.check(url)
        return int((await app.ask(Settings(store=url), list_runs, request)).total_size)
    except StorageError:
        return None


async def _fill(url: str, mlmd: Path, end: int) -> None:
    await migrations.upgrade.upgrade_async(url)
    handlers = {operation.name: operation.handler for api in reversed(app.APIS) for operation in api.served()}
    clock = Clock(end)
    async with app.asking(Settings(store=url), now=clock.now) as answer:

        async def ask(name: str, request: Any) -> Any:
            handler = handlers[name]
            assert handler is not None  # what is served has one
            return await answer(handler, request)

        recorder = Recorder(ask, clock, end)
        events = [(-run.hours_ago, partial(recorder.record_run, run)) for run in runs()]
        for pipeline in PIPELINES:
            for number, (hours_ago, _) in enumerate(pipeline.versions, 1):
                events.append((-hours_ago, partial(recorder.record_version, pipeline, number)))
        with ids.made_by(clock.now, Random(_SEED).getrandbits):
            for _, event in sorted(events, key=itemgetter(0)):
                await event()
    await asyncio.to_thread(write_mlmd_store, str(mlmd), end)
    await run_import(ImportRequest(f"{_SCHEME}{mlmd}", url), _Unobserved())


class _Unobserved:
    """Receives the progress of the import, and tells nobody."""

    def plan(self, survey: Survey, source: str, store: str) -> None:
        pass

    def progress(self, phase: str, done: int, total: int) -> None:
        pass

    def warn(self, sentence: str) -> None:
        pass

    def foretell(self, sentence: str) -> None:
        pass
