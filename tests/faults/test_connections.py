"""Clients that connect and send nothing, or half of a greeting, are cut off and do not affect others."""

import asyncio
import itertools
import resource
from collections.abc import Callable

import pytest
from lineal.v2beta1 import artifact_pb2

from tests.api.builders import new_artifact, new_run, new_run_and_task
from tests.api.client import METHODS
from tests.faults.attacks import frames
from tests.faults.client import connected
from tests.faults.cluster import Server
from tests.faults.waiting import until

pytestmark = pytest.mark.databases("sqlite")

SILENT = 200
CUT_OFF_SECONDS = 60
"""Half of what gRPC by itself waits for a client's greeting."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.mark.parametrize("said", [b"", PREFACE[:10], PREFACE], ids=["nothing", "half the preface", "the preface"])
async def test_silent_clients_hinder_nobody_and_are_cut_off(
    migrated_url: str, start_server: Callable[..., Server], said: bytes
) -> None:
    server = start_server(migrated_url)
    host, _, port = server.grpc.rpartition(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(SILENT)]
    try:
        for _, writer in silent:
            writer.write(said)
        async with connected(server.grpc) as api:
            for _ in range(20):
                await new_run(api)
        async with asyncio.timeout(CUT_OFF_SECONDS):
            # What the server says first, its settings, may come; then the end.
            await asyncio.gather(*(at_end(reader) for reader, _ in silent))
    finally:
        for _, writer in silent:
            writer.close()
    assert {line["event"] for line in server.log_lines()} == {"serving", "call"}


async def test_more_clients_connect_than_a_process_may_have_files_by_default(
    migrated_url: str, start_server: Callable[..., Server]
) -> None:
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SILENT, most))
    try:
        server = start_server(migrated_url)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    addresses = [address.rpartition(":") for address in (server.grpc, server.rest) for _ in range(SILENT)]
    silent = [await asyncio.open_connection(host, int(port)) for host, _, port in addresses]
    async with connected(server.grpc) as api, asyncio.timeout(CUT_OFF_SECONDS):
        await new_run(api)
    for _, writer in silent:
        writer.close()
    assert {line["event"] for line in server.log_lines()} == {"serving", "call"}


async def at_end(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(1024):
            pass
    except ConnectionResetError:
        pass


@pytest.mark.parametrize("reason", [0, 1, 2, 11])
async def test_what_a_client_says_when_it_leaves_is_not_in_the_log(
    migrated_url: str, start_server: Callable[..., Server], reason: int
) -> None:
    server = start_server(migrated_url)
    async with frames.connected(server.grpc) as connection:
        await connection.send(frames.goaway(reason, b'bye\n{"event": "forged", "level": "info"}\n'))
        await asyncio.sleep(0.2)
    async with connected(server.grpc) as api:
        await new_run(api)
    assert {line["event"] for line in server.log_lines()} == {"serving", "call"}


async def test_clients_who_do_not_wait_for_their_answers_are_one_warning(
    migrated_url: str, start_server: Callable[..., Server]
) -> None:
    server = start_server(migrated_url)
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        large = {"text": {"string_value": "x" * 200_000}}
        artifact_id = await new_artifact(api, run_id, task_id, metadata=large)
    request = frames.message(artifact_pb2.GetArtifactRequest(artifact_id=artifact_id).SerializeToString())
    for _ in range(3):
        async with frames.connected(server.grpc, window=0) as connection:
            for stream in itertools.islice(frames.streams(), 8):
                await connection.send(frames.call(METHODS["GetArtifact"].path, stream))
                await connection.send_body(request, stream)
            await until(lambda: len(server.calls("GetArtifact")) >= 8)
    await until(lambda: any("clients left" in line["event"] for line in server.log_lines()))
    lines = [line for line in server.log_lines() if line["event"] not in ("serving", "call")]
    assert {line["level"] for line in lines} == {"warning"}
    assert not any("exception" in line for line in lines)
