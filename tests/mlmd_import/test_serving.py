"""A server keeps serving, and writing, while an import runs on its store."""

import asyncio
import time
from pathlib import Path

from benchmarks.mlmd_store import make_store
from migrations.mlmd.verify import verify
from tests.api.client import Api
from tests.api.service import serving
from tests.mlmd_import.imports import Watching, asked_for_file, imported

EXECUTIONS = 3000
SLOWEST_SECONDS = 5.0


async def test_calls_are_answered_while_an_import_runs(migrated_url: str, tmp_path: Path) -> None:
    source = tmp_path / "mlmd.sqlite"
    make_store(source, EXECUTIONS)
    slowest, made = 0.0, []
    async with serving(migrated_url) as addresses:
        api = Api(addresses.grpc)
        importing = asyncio.create_task(imported(asked_for_file(source, migrated_url)))
        while not importing.done():
            began = time.monotonic()
            made.append((await api.CreateRun(run={"display_name": f"live {len(made)}"})).run_id)
            slowest = max(slowest, time.monotonic() - began)
        await importing
        live = [await api.GetRun(run_id=run_id) for run_id in made]
        await api.channel.close()
    assert len(live) > 3
    assert slowest < SLOWEST_SECONDS
    assert (await verify(asked_for_file(source, migrated_url), Watching())).difference_count == 0
