"""What a server does while nobody calls it: its wake-ups are counted, since the time they take depends on the machine."""

import re
import time
from pathlib import Path

import pytest

from tests.faults.conftest import StartServer

WATCHED_SECONDS = 6.0
NO_SWEEP = ("--sweep-seconds", "1000", "--cancel-grace-seconds", "2000")
OF_GRPC = ("grpc_global_tim", "event_engine", "lifeguard")
"""Threads of gRPC's core, which wake up by themselves."""


def wake_ups(process_id: int) -> dict[str, int]:
    """How often each thread of a process has waited for something so far, but for those of gRPC."""
    counts = {}
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        if (thread / "comm").read_text().strip() not in OF_GRPC:
            found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (thread / "status").read_text(), re.MULTILINE)
            assert found is not None
            counts[thread.name] = int(found[1])
    return counts


def wake_ups_meanwhile(process_ids: list[int]) -> list[int]:
    """How often threads of each process wake up in WATCHED_SECONDS."""
    before = [wake_ups(process_id) for process_id in process_ids]
    time.sleep(WATCHED_SECONDS)
    return [
        sum(count - earlier.get(thread, 0) for thread, count in wake_ups(process_id).items())
        for process_id, earlier in zip(process_ids, before, strict=True)
    ]


def test_a_server_that_nobody_calls_wakes_up_only_to_return_memory(
    migrated_url: str, start_server: StartServer
) -> None:
    server = start_server(migrated_url, *NO_SWEEP)
    time.sleep(1.0)  # what began with the server has ended
    [count] = wake_ups_meanwhile([server.process_id])
    assert count <= 4  # once in five seconds; a timer of a second would have six


@pytest.mark.databases("postgresql", "mysql")  # one process serves a SQLite file
def test_the_parent_of_workers_never_wakes_up(migrated_url: str, start_server: StartServer) -> None:
    server = start_server(migrated_url, *NO_SWEEP, "--workers", "2")
    time.sleep(1.0)
    parent, *workers = wake_ups_meanwhile([server.process_id, *server.workers()])
    assert parent == 0
    assert max(workers) <= 4
