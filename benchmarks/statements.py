"""Counts the statements of each call with the code that Python finds first. Run as a program by `benchmarks.sides`."""

import asyncio
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import grpc
from sqlalchemy import event
from sqlalchemy.engine import Engine

ROUNDS = 3


async def main(store: str) -> dict[str, float]:
    """Serve a store in this process and return the mean number of statements of each call, after a first one."""
    from server.app import prepare_store, running
    from server.config import Settings

    measured_calls = _calls_module()
    statement_count = [0]

    @event.listens_for(Engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statement_count[0] += not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA"))

    settings = Settings(store=store, grpc="127.0.0.1:0", rest="127.0.0.1:0", upgrade=True, sweep_seconds=1e6)
    await prepare_store(settings)
    counts: dict[str, float] = {}
    async with running(settings) as addresses, grpc.aio.insecure_channel(addresses.grpc) as channel:
        rpcs = measured_calls.Rpcs(channel)
        for name, call in measured_calls.calls(rpcs, await measured_calls.prepare(rpcs), client=99).items():
            await call(0)
            before = statement_count[0]
            for number in range(1, 1 + ROUNDS):
                await call(number)
            counts[name] = round((statement_count[0] - before) / ROUNDS, 2)
    return counts


def _calls_module() -> Any:
    """Return the module calls.py next to this file: the measured code may have its own benchmarks."""
    spec = importlib.util.spec_from_file_location("measured_calls", Path(__file__).with_name("calls.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
    sys.stdout.flush()
    os._exit(0)  # do not wait for the threads of drivers
