"""A server sets how its threads and calls share the interpreter."""

import os
import sys

import pytest

from server.app import SWITCH_SECONDS, Addresses, serve_until_signal
from server.config import Settings
from storage import slices
from storage.sql.store import SqlStore


async def test_a_server_keeps_threads_waiting_for_less_than_a_call_and_its_large_work_gives_way_to_writes(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlStore, "has_writes", lambda _: True)
    interval, intervals, claims = sys.getswitchinterval(), list[float](), list[bool]()
    reading_end, writing_end = os.pipe()
    os.close(writing_end)

    def announce(_: Addresses) -> None:
        intervals.append(sys.getswitchinterval())
        claims.append(slices._large_work().gives_way())

    try:
        settings = Settings(store=migrated_url, grpc="127.0.0.1:0", rest="127.0.0.1:0")
        await serve_until_signal(settings, announce, lifeline=reading_end)
    finally:
        sys.setswitchinterval(interval)
        os.close(reading_end)
    assert intervals == [pytest.approx(SWITCH_SECONDS)]
    assert claims == [True]
