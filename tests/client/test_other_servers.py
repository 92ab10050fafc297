"""Servers that do not know idempotency keys, such as KFP's own, get no write twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import lineal
import pytest
from lineal import errors
from lineal.methods import METHODS
from lineal.v2beta1 import healthz_pb2

CALLED = ("HealthzService.GetHealthz", "RunService.GetRun", "RunService.CreateRun", "RunService.DeleteRun")


@pytest.fixture
def counted() -> Iterator[tuple[str, Counter[str]]]:
    """A server that loses the answer of every call but GetHealthz: its address, and how often each method was called."""
    counts: Counter[str] = Counter()

    def handler(name: str) -> Any:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            counts[name] += 1
            if name != "HealthzService.GetHealthz":
                context.abort(grpc.StatusCode.UNAVAILABLE, "upstream connect error or disconnect/reset before headers")
            return healthz_pb2.GetHealthzResponse(multi_user=True).SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(futures.ThreadPoolExecutor(1))
    for method in METHODS:
        if method.name in CALLED:
            handlers = {method.path.rpartition("/")[2]: handler(method.name)}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(method.service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", counts
    server.stop(None).wait()


def test_a_recorder_is_told_at_the_beginning(counted: tuple[str, Counter[str]], tmp_path: Path) -> None:
    address, counts = counted
    with pytest.raises(errors.Unimplemented, match="does not derive ids from idempotency keys"):
        lineal.run("train", server=address, spool_dir=str(tmp_path)).start()
    assert (counts, list(tmp_path.iterdir())) == ({"HealthzService.GetHealthz": 1}, [])


def test_a_write_whose_answer_is_lost_is_sent_once(counted: tuple[str, Counter[str]]) -> None:
    address, counts = counted
    with lineal.Client(address, retries=3) as client:
        for call in (lambda: client.create_run(run={"display_name": "x"}), lambda: client.delete_run("r")):
            with pytest.raises(errors.OutcomeUnknown, match="the server does not know idempotency keys"):
                call()
    assert counts == {"RunService.CreateRun": 1, "RunService.DeleteRun": 1, "HealthzService.GetHealthz": 2}


def test_a_read_whose_answer_is_lost_is_sent_again(counted: tuple[str, Counter[str]]) -> None:
    address, counts = counted
    with lineal.Client(address, retries=3) as client, pytest.raises(errors.Unavailable) as caught:
        client.get_run("r")
    assert counts == {"RunService.GetRun": 4}
    assert type(caught.value) is errors.Unavailable
