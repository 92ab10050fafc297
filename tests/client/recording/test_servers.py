"""Servers that are not as they should be: too old, unwilling, failing, or not there for a while."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from lineal import errors
from lineal._calls import BY_NAME
from lineal._recording.caller import DEFECTS_MAX
from lineal._recording.sync import sync
from lineal.settings import load
from lineal.v2beta1 import healthz_pb2, run_pb2

from tests.client.recording.conftest import Record
from tests.client.recording.places import a_run

pytestmark = pytest.mark.databases("sqlite")

GOOD = healthz_pb2.GetHealthzResponse(idempotency_keys=True, ids_from_keys=True)
Answer = Callable[[int], Any]


class Fake:
    """A server whose answers are functions of how often a method was called: a message, or a code with a reason."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.answers: dict[str, Answer] = {"HealthzService.GetHealthz": lambda count: GOOD}
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        for name in ("HealthzService.GetHealthz", "RunService.CreateRun", "RunService.CreateTask", "RunService.GetRun"):
            method = BY_NAME[name]
            handlers = {method.path.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(self._handler(name))}
            self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(method.service, handlers),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def _handler(self, name: str) -> Any:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.counts[name] += 1
            given = self.answers[name](self.counts[name])
            if isinstance(given, tuple):
                code, reason = given
                context.set_trailing_metadata((("grpc-status-details-bin", details(code.value[0], reason)),))
                context.abort(code, f"words of {reason}")
            return bytes(given.SerializeToString())

        return answer


def details(code: int, reason: str) -> bytes:
    """Return the details of an error of Lineal's."""
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="lineal"))
    return status_pb2.Status(code=code, message=f"words of {reason}", details=[detail]).SerializeToString()


@pytest.fixture
def fake() -> Iterator[Fake]:
    fake = Fake()
    yield fake
    fake.server.stop(None).wait()


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_server_without_ids_from_keys_is_sent_nothing(
    fake: Fake, record: Record, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answers["HealthzService.GetHealthz"] = lambda count: healthz_pb2.GetHealthzResponse(idempotency_keys=True)
    recording = record(fake.address)
    run, _ = a_run(recording)
    wait_until(lambda: "is too old for the recorder" in caplog.text)
    with pytest.raises(errors.Unavailable, match="is too old for the recorder, or is not Lineal's"):
        recording.wait_for(run, timeout_seconds=0.1)
    assert recording.close(0.0) is False
    [report] = sync(load({"server": fake.address}), [spool])
    assert isinstance(report.error, errors.FailedPrecondition)
    assert set(fake.counts) == {"HealthzService.GetHealthz"}


def test_a_caller_who_may_not_is_told_at_once_and_tried_again(
    fake: Fake, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    denied = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    fake.answers["RunService.CreateRun"] = lambda count: denied if count < 4 else run_pb2.Run(run_id="other")
    recording = record(fake.address)
    recording.create_run({"display_name": "x"})
    wait_until(lambda: fake.counts["RunService.CreateRun"] == 4)
    assert caplog.text.count("words of PERMISSION_DENIED") == 1
    assert recording.flush(10.0)
    assert recording.counters.retries == 3


def test_a_run_that_gets_another_id_is_refused(fake: Fake, record: Record) -> None:
    fake.answers["RunService.CreateRun"] = lambda count: run_pb2.Run(run_id="other")
    recording = record(fake.address)
    run = recording.create_run({"display_name": "x"})
    with pytest.raises(errors.AlreadyExists, match="the run exists already, with the id other"):
        recording.wait_for(run, timeout_seconds=10.0)


def test_a_call_that_meets_a_defect_is_given_up_so_that_others_can_be_sent(fake: Fake, record: Record) -> None:
    fake.answers["RunService.CreateRun"] = lambda count: (grpc.StatusCode.INTERNAL, "INTERNAL")
    recording = record(fake.address)
    run = recording.create_run({"display_name": "x"})
    with pytest.raises(errors.Internal, match="words of INTERNAL"):
        recording.wait_for(run, timeout_seconds=30.0)
    assert fake.counts["RunService.CreateRun"] == DEFECTS_MAX + 1
    assert recording.flush(10.0)


def test_a_call_that_was_done_is_not_refused_for_it(fake: Fake, record: Record) -> None:
    taken = grpc.StatusCode.ALREADY_EXISTS
    fake.answers["RunService.CreateRun"] = lambda count: (taken, "ID_TAKEN")
    fake.answers["RunService.CreateTask"] = lambda count: (taken, "IDEMPOTENCY_KEY_REUSED")
    recording = record(fake.address)
    a_run(recording)
    assert recording.flush(10.0)
    assert (recording.rejected(), recording.counters.waiting) == ([], 0)


def test_closing_does_not_wait_longer_than_it_may(fake: Fake, record: Record) -> None:
    def slow(count: int) -> Any:
        time.sleep(3.0)
        return run_pb2.Run(run_id="r")

    fake.answers["RunService.CreateRun"] = slow
    recording = record(fake.address)
    recording.create_run({"display_name": "x"})
    wait_until(lambda: fake.counts["RunService.CreateRun"])
    start = time.monotonic()
    assert recording.close(0.2) is False
    assert time.monotonic() - start < 2.0
