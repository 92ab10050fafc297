"""Aborted uploads and refused calls, one after another: the server's memory is afterwards what it was before."""

from collections.abc import Callable

import pytest
from lineal.v2beta1 import run_pb2

from tests.api.builders import a_run
from tests.api.client import Api, code
from tests.faults.client import connected
from tests.faults.cluster import Server
from tests.faults.resident import resident_mebibytes
from tests.faults.waiting import until
from tests.rest import client as http

pytestmark = pytest.mark.databases("sqlite")

Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]

MEBIBYTE = 1024 * 1024

UPLOAD_MEBIBYTES = 88
REFUSED_MEBIBYTES = 60
GROWTH_MEBIBYTES = 60
"""What the server's memory may have grown by in the end: less than one request, however many there were."""

FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="uploadfile"; filename="p.yaml"\r\n\r\n'


async def abort_upload(server: Server) -> None:
    """Send an upload but for its end, and reset the connection when the server has taken it."""
    size = UPLOAD_MEBIBYTES * MEBIBYTE
    async with http.connected(server.rest) as wire:
        path = "/apis/v2beta1/pipelines/upload"
        await wire.send(http.request_text("POST", path, Content_Type=FORM, Content_Length=str(size + MEBIBYTE)) + PART)
        for _ in range(UPLOAD_MEBIBYTES):
            await wire.send(b"x" * MEBIBYTE)
        await until(lambda: wire.writer.transport.get_write_buffer_size() == 0)
        wire.writer.transport.abort()


REFUSALS: dict[str, Callable[[str], bytes]] = {
    "no message": lambda text: run_pb2.CreateRunRequest(run=a_run(description=text)).SerializeToString() + b"\xff",
    "a long name": lambda text: run_pb2.CreateRunRequest(run=a_run(text)).SerializeToString(),
    "a long column": lambda text: run_pb2.CreateRunRequest(run=a_run(parameters={"a": text})).SerializeToString(),
}


async def refuse(api: Api, data: bytes) -> None:
    assert await code(api.send("CreateRun", data)) == "INVALID_ARGUMENT"


async def test_aborted_uploads_leave_no_memory_taken(
    migrated_url: str, start_server: StartServer, rounds: Rounds, report: Report
) -> None:
    server, count = start_server(migrated_url), rounds(3, 20)
    before = resident_mebibytes(server.process_id)
    for _ in range(count):
        await abort_upload(server)
    await until(lambda: resident_mebibytes(server.process_id) < before + GROWTH_MEBIBYTES)
    report(f"{count} of {UPLOAD_MEBIBYTES} MiB: {before:.0f} → {resident_mebibytes(server.process_id):.0f} MiB")


@pytest.mark.parametrize("name", REFUSALS)
async def test_refused_calls_leave_no_memory_taken(
    migrated_url: str, start_server: StartServer, rounds: Rounds, report: Report, name: str
) -> None:
    server, count = start_server(migrated_url), rounds(4, 10)
    data = REFUSALS[name]("x" * (REFUSED_MEBIBYTES * MEBIBYTE))
    before = resident_mebibytes(server.process_id)
    async with connected(server.grpc) as api:
        for _ in range(count):
            await refuse(api, data)
    await until(lambda: resident_mebibytes(server.process_id) < before + GROWTH_MEBIBYTES)
    report(f"{count} of {REFUSED_MEBIBYTES} MiB: {before:.0f} → {resident_mebibytes(server.process_id):.0f} MiB")
