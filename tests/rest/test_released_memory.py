"""Whatever way a request over HTTP ends, its memory ends with it, and not with the next garbage collection."""

import asyncio
import contextlib
import io
import zipfile

import pytest

from server.doors.http.server import SWEEP_SECONDS
from tests.api.builders import unique
from tests.api.statements import failing_at
from tests.faults.database_faults import writes_held_up
from tests.leftovers import LARGE_BYTES, nothing_left
from tests.rest.client import ask, connected, request_text
from tests.rest.conftest import Serve

pytestmark = pytest.mark.slow

RUNS = "/apis/v2beta1/runs"
UPLOAD = "/apis/v2beta1/pipelines/upload"
FORM = "multipart/form-data; boundary=b"

LARGE = "x" * (2 * LARGE_BYTES)
A_LARGE_RUN = f'{{"display_name": "x", "description": "{LARGE}"}}'
A_LARGE_HEAD = request_text("POST", RUNS, Content_Length=str(len(LARGE) + 1)) + LARGE.encode()

BODIES: dict[str, tuple[int, str]] = {
    "a run": (200, A_LARGE_RUN),
    "no JSON": (400, f'["{LARGE}'),
    "a name twice": (400, f'{{"description": "{LARGE}", "description": ""}}'),
    "a large number": (400, f'{{"description": "{LARGE}", "display_name": 1e999}}'),
    "an unknown field": (400, f'{{"description": "{LARGE}", "runtime_config": {{"x": 1}}}}'),
    "another type": (400, f'{{"description": "{LARGE}", "display_name": 1}}'),
    "half a character": (400, f'{{"description": "{LARGE}", "display_name": "\\ud800"}}'),
    "a long name": (400, f'{{"display_name": "{LARGE}"}}'),
    "deep": (400, "[" * len(LARGE)),
    "many values": (400, f"[{'1,' * len(LARGE)}1]"),
}


def a_part(text: str, *, name: str = "uploadfile", file: str = "p.yaml") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n{text}\r\n'


def a_damaged_archive() -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("pipeline.yaml", LARGE)
    return archive.getvalue().decode("latin-1").replace("xxxx", "yyyy", 1)


FORMS: dict[str, str] = {
    "no end": a_part(LARGE),
    "not well formed": f"{a_part(LARGE)}--b!",
    "no file": f"{a_part(LARGE, name='other')}--b--\r\n",
    "many parts": a_part(LARGE) + "--b\r\na:b\r\n\r\n\r\n" * 1000 + "--b--\r\n",
    "no pipeline": f"{a_part(f'a: {LARGE}')}--b--\r\n",
    "no YAML": f"{a_part(f'a: [{LARGE}')}--b--\r\n",
    "a damaged archive": f"{a_part(a_damaged_archive(), file='p.zip')}--b--\r\n",
}

BROKEN: dict[str, tuple[int, bytes]] = {
    "a damaged chunk": (
        400,
        request_text("POST", RUNS, Transfer_Encoding="chunked") + f"{len(LARGE):x}\r\n{LARGE}\r\nz\r\n".encode(),
    ),
    "too large a body": (
        413,
        request_text("POST", RUNS, Transfer_Encoding="chunked") + f"{len(LARGE):x}\r\n{LARGE}\r\n".encode() * 2,
    ),
    "half a body for too long": (408, A_LARGE_HEAD),
    "garbage behind a request": (400, request_text("POST", RUNS, A_LARGE_RUN.encode()) * 3 + b"\x00\r\n\r\n"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_nothing_of_a_json_body_outlives_its_connection(rest: str, name: str) -> None:
    status, body = BODIES[name]
    async with nothing_left():
        assert (await ask(rest, "POST", RUNS, text=body)).status == status


@pytest.mark.parametrize("name", FORMS)
async def test_nothing_of_a_refused_upload_outlives_its_connection(rest: str, name: str) -> None:
    async with nothing_left():
        answer = await ask(rest, "POST", UPLOAD, text=FORMS[name].encode("latin-1"), Content_Type=FORM)
        assert answer.status == 400


async def test_nothing_of_a_file_over_the_limit_outlives_its_connection(serve: Serve) -> None:
    rest = await serve(package_bytes_max=LARGE_BYTES + 1)
    async with nothing_left():
        answer = await ask(rest, "POST", UPLOAD, text=a_part(LARGE), Content_Type=FORM)
        assert (answer.status, "larger" in answer.json["error_message"]) == (400, True)


@pytest.mark.parametrize("name", BROKEN)
async def test_nothing_of_a_broken_request_outlives_its_connection(serve: Serve, name: str) -> None:
    status, data = BROKEN[name]
    rest = await serve(http_body_seconds=0.5, message_bytes_max=len(LARGE) + 1000)
    async with nothing_left(), connected(rest) as wire:
        await wire.send(data)
        assert f"HTTP/1.1 {status} ".encode() in await wire.rest()


async def test_nothing_of_an_aborted_upload_outlives_its_connection(rest: str) -> None:
    head = request_text("POST", UPLOAD, Content_Type=FORM, Content_Length=str(10 * len(LARGE)))
    data = head + a_part(LARGE).encode()
    async with nothing_left(), connected(rest) as wire:
        await wire.send(data)
        await asyncio.sleep(2 * SWEEP_SECONDS)  # the server has looked at the connection's deadlines meanwhile
        wire.writer.transport.abort()


@pytest.mark.parametrize("path", [RUNS, UPLOAD])
async def test_nothing_of_a_call_outlives_a_client_that_goes_away(rest: str, rest_store: str, path: str) -> None:
    body = A_LARGE_RUN.encode() if path == RUNS else f"{a_part(LARGE)}--b--\r\n".encode()
    request = request_text("POST", path, body, Content_Type=FORM)
    async with nothing_left(), writes_held_up(rest_store), connected(rest) as wire:
        await wire.send(request)
        await asyncio.sleep(2 * SWEEP_SECONDS)
        wire.writer.transport.abort()


async def test_nothing_of_a_call_outlives_its_deadline(serve: Serve, rest_store: str) -> None:
    rest = await serve(rest_seconds=0.5)
    async with nothing_left(), writes_held_up(rest_store):
        assert (await ask(rest, "POST", RUNS, text=A_LARGE_RUN)).status == 504


async def test_nothing_of_a_call_outlives_its_failure(rest: str, rest_store: str) -> None:
    with contextlib.ExitStack() as stack:
        async with nothing_left():
            stack.enter_context(failing_at(rest_store, 1))
            assert (await ask(rest, "POST", RUNS, text=A_LARGE_RUN)).status == 500


async def test_nothing_of_a_refused_path_outlives_its_connection(rest: str) -> None:
    path = f"{RUNS}/{unique()}"
    async with nothing_left():
        assert (await ask(rest, "GET", path, text=LARGE)).status == 404
