"""How a client reaches its server: TLS, tokens, several servers, and what a fork leaves of a client."""

import asyncio
import contextlib
import multiprocessing
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import lineal
import pytest
import trustme
from lineal import errors
from lineal.v2beta1 import healthz_pb2

from tests.faults.cluster import clean_environment
from tests.faults.proxy import cutting

pytestmark = pytest.mark.one_database

HOST = "localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A certificate authority, with files: `ca.pem`, `client.pem` and `client.key` lie in `folder`."""
    authority: Any = trustme.CA()
    authority.folder = tmp_path_factory.mktemp("certificates")
    authority.cert_pem.write_to_path(str(authority.folder / "ca.pem"))
    client = authority.issue_cert("client@example.org")
    client.private_key_pem.write_to_path(str(authority.folder / "client.key"))
    client.cert_chain_pems[0].write_to_path(str(authority.folder / "client.pem"))
    return authority


@contextlib.asynccontextmanager
async def behind_tls(target: str, authority: Any, *, mutual: bool = False) -> AsyncIterator[str]:
    """Terminate TLS before a server, as an ingress does; the address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    context.set_alpn_protocols(["h2"])
    if mutual:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    async with cutting(target) as proxy:
        listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, ssl=context)
        yield f"{HOST}:{listener.sockets[0].getsockname()[1]}"
        listener.close()


def healthy(**settings: Any) -> bool:
    """Whether a client with these settings gets an answer; raises what it raises."""
    with lineal.Client(retries=0, timeout_seconds=20.0, **settings) as client:
        return client.get_healthz().pipeline_store == "database"


async def test_a_server_is_reached_over_tls_with_its_authority(address: str, authority: Any) -> None:
    async with behind_tls(address, authority) as place:
        assert await asyncio.to_thread(healthy, server=place, ca_file=str(authority.folder / "ca.pem"), token="t")
        async with lineal.aio.Client(place, ca_file=str(authority.folder / "ca.pem")) as client:
            assert (await client.get_healthz()).pipeline_store == "database"


async def test_without_a_file_the_authorities_of_the_system_are_trusted(
    address: str, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind_tls(address, authority) as place:
        with pytest.raises(errors.Unavailable):
            await asyncio.to_thread(healthy, server=place, tls=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.folder / "ca.pem"))
        assert await asyncio.to_thread(healthy, server=place, tls=True)


async def test_tls_is_never_given_up(address: str, authority: Any) -> None:
    with pytest.raises(errors.Unavailable):
        await asyncio.to_thread(healthy, server=address, tls=True)
    async with behind_tls(address, authority) as place:
        with pytest.raises(errors.Unavailable):
            await asyncio.to_thread(healthy, server=place)


async def test_a_client_shows_its_certificate(address: str, authority: Any) -> None:
    own = {"cert_file": str(authority.folder / "client.pem"), "key_file": str(authority.folder / "client.key")}
    async with behind_tls(address, authority, mutual=True) as place:
        trusted = {"server": place, "ca_file": str(authority.folder / "ca.pem")}
        with pytest.raises(errors.Unavailable):
            await asyncio.to_thread(healthy, **trusted)
        assert await asyncio.to_thread(healthy, **trusted, **own)


def test_files_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.SettingsError, match=r"ca_file .* cannot be read: No such file"):
        lineal.Client(ca_file=str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text("no")
    with pytest.raises(errors.SettingsError, match=r"ca_file .* is not a PEM file"):
        lineal.Client(ca_file=str(tmp_path / "ca.pem"))


@pytest.fixture
def seen() -> Iterator[tuple[str, list[str]]]:
    """Another server, that notes the `authorization` of each call: its address, and the notes."""
    tokens: list[str] = []

    def answer(request: bytes, context: grpc.ServicerContext) -> healthz_pb2.GetHealthzResponse:
        tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
        return healthz_pb2.GetHealthzResponse()

    handler = grpc.unary_unary_rpc_method_handler(
        answer, response_serializer=healthz_pb2.GetHealthzResponse.SerializeToString
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    service = healthz_pb2.DESCRIPTOR.services_by_name["HealthzService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"GetHealthz": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", tokens
    server.stop(None).wait()


def test_the_token_goes_with_each_call_and_is_read_again_when_its_file_changes(
    seen: tuple[str, list[str]], tmp_path: Path
) -> None:
    place, tokens = seen
    file = tmp_path / "token"
    file.write_text("one\n")
    with lineal.Client(place, token_file=str(file)) as client:
        client.get_healthz()
        replaced(file, "two")
        client.get_healthz()
        file.unlink()
        client.get_healthz()
    with lineal.Client(place, token="three") as client:
        client.get_healthz()
    with lineal.Client(place) as client:
        client.get_healthz()
    assert tokens == ["Bearer one", "Bearer two", "Bearer two", "Bearer three", ""]


def replaced(file: Path, text: str) -> None:
    """Replace a file in one step, as Kubernetes does with tokens."""
    file.with_suffix(".new").write_text(text)
    file.with_suffix(".new").replace(file)


def test_kfps_token_is_used_when_it_is_there(
    seen: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, tokens = seen
    monkeypatch.setattr("lineal._tokens.KFP_TOKEN_FILE", str(tmp_path / "token"))
    with lineal.Client(place) as client:
        client.get_healthz()
        (tmp_path / "token").write_text("mounted")
        client.get_healthz()
    assert tokens == ["", "Bearer mounted"]


@pytest.mark.parametrize("content", ["", "two\nlines", "é", "x" * 40_000])
def test_a_token_file_that_cannot_be_used_is_refused(seen: tuple[str, list[str]], tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    with pytest.raises(errors.SettingsError, match=r"the token file .* cannot be read: No such file"):
        lineal.Client(seen[0], token_file=str(file)).get_healthz()
    file.write_text(content)
    with pytest.raises(errors.SettingsError, match="does not have one line of ASCII text"):
        lineal.Client(seen[0], token_file=str(file)).get_healthz()
    assert seen[1] == []


async def test_servers_take_turns(address: str) -> None:
    async with cutting(address) as one, cutting(address) as other:
        async with lineal.aio.Client(f"{one.address},{other.address}") as client:
            for _ in range(10):
                await client.get_healthz()
        assert [sum(proxy.counts.values()) for proxy in (one, other)] == [5, 5]


def in_a_child(function: Callable[[], object]) -> str:
    """What a forked process says of a call: "ok", or the error."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            function()
            sender.send("ok")
        except BaseException as error:  # noqa: BLE001 - it is sent to the test
            sender.send(str(error))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return str(receiver.recv())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_client_that_was_used_says_so_after_a_fork(address: str) -> None:
    with lineal.Client(address) as client:
        client.get_healthz()
        words = "the client was used before this process was forked; make another one after a fork"
        assert in_a_child(client.get_healthz) == words
        assert client.get_healthz().idempotency_keys
        assert in_a_child(lambda: healthy(server=address)).startswith(
            "gRPC was used before this process was forked; set "
        )


FORKING = """
import os, sys, lineal
used, unused = lineal.Client(sys.argv[1]), lineal.Client(sys.argv[1])
if sys.argv[2] == "used":
    used.get_healthz()
if os.fork() == 0:
    print(unused.get_healthz(timeout_seconds=20).pipeline_store, flush=True)
    os._exit(0)
os.wait()
print(used.get_healthz().pipeline_store)
"""


@pytest.mark.parametrize(("when", "support"), [("unused", "0"), ("unused", "1"), ("used", "1")])
def test_an_unused_client_works_after_a_fork(address: str, when: str, support: str) -> None:
    environment = clean_environment({"GRPC_ENABLE_FORK_SUPPORT": support})
    command = [sys.executable, "-c", FORKING, address, when]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["database", "database"], done.stderr
