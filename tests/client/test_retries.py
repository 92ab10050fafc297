"""What is sent again, and when: the core's steps, taken without a network."""

import random
import time
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from lineal._calls import BY_NAME, Core, Pause, Send
from lineal._retries import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Failure,
    FailureKind,
    is_safe,
    pause_seconds,
    read_failure,
)
from lineal.errors import (
    Aborted,
    DeadlineExceeded,
    InvalidArgument,
    LinealError,
    OutcomeUnknown,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from lineal.settings import Settings
from lineal.v2beta1 import healthz_pb2, run_pb2

LOST = Failure("UNAVAILABLE", "Socket closed")
UNSENT = Failure("UNAVAILABLE", "connections to all backends failing; last error: refused")
KNOWS_KEYS = healthz_pb2.GetHealthzResponse(idempotency_keys=True)
KFP = healthz_pb2.GetHealthzResponse()
RUN = run_pb2.Run(run_id="r")


def of_lineal(code: str, reason: str) -> Failure:
    return Failure(code, "words", reason, "lineal")


def taken(name: str, *replies: Message | Failure, key: str | None = None, **settings: Any) -> tuple[list[Send], Any]:
    """Take the steps of a call with these replies: what was sent, and the answer or the error."""
    core = Core(Settings(**settings))
    steps = core.call(name, BY_NAME[name].request(), idempotency_key=key)
    sent, waiting = [], list(replies)
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                step = steps.send(None)
            else:
                sent.append(step)
                step = steps.send(waiting.pop(0))
    except StopIteration as end:
        answer = end.value
    except LinealError as error:
        answer = error
    assert waiting == []
    return sent, answer


def key_of(step: Send) -> str | None:
    return dict(step.metadata).get("idempotency-key")


def methods(sent: list[Send]) -> list[str]:
    return [step.method.name.partition(".")[2] for step in sent]


def test_reads_are_sent_again_without_a_key() -> None:
    sent, answer = taken("RunService.GetRun", LOST, UNSENT, LOST, RUN)
    assert (methods(sent), answer) == (["GetRun"] * 4, RUN)
    assert {key_of(step) for step in sent} == {None}
    assert len({dict(step.metadata)["x-request-id"] for step in sent}) == 1


def test_a_lost_write_is_sent_again_with_its_key_where_keys_are_known() -> None:
    sent, answer = taken("RunService.CreateRun", LOST, KNOWS_KEYS, LOST, KNOWS_KEYS, RUN)
    assert (methods(sent), answer) == (["CreateRun", "GetHealthz", "CreateRun", "GetHealthz", "CreateRun"], RUN)
    first, *others = [key_of(step) for step in sent if step.method.name == "RunService.CreateRun"]
    assert first
    assert others == [first, first]


def test_a_lost_write_is_not_sent_again_where_keys_are_not_known() -> None:
    sent, error = taken("RunService.CreateRun", LOST, KFP, key="mine")
    assert methods(sent) == ["CreateRun", "GetHealthz"]
    assert type(error) is OutcomeUnknown
    assert "not sent again, because the server does not know idempotency keys" in str(error)


def test_every_write_has_a_key_of_its_own_unless_the_caller_has_one() -> None:
    keys = {key_of(taken("RunService.CreateRun", RUN)[0][0]) for _ in range(20)}
    assert len(keys) == 20
    assert key_of(taken("RunService.CreateRun", RUN, key="mine")[0][0]) == "mine"


def test_a_call_whose_answer_cannot_be_kept_is_sent_without_a_key_of_the_clients_own() -> None:
    too_large = of_lineal("INVALID_ARGUMENT", "ANSWER_TOO_LARGE")
    sent, answer = taken("RunService.CreateRun", too_large, RUN)
    assert ([bool(key_of(step)) for step in sent], answer) == ([True, False], RUN)
    _, error = taken("RunService.CreateRun", too_large, LOST)
    assert type(error) is OutcomeUnknown
    assert "not sent again, because its answer is too large for a key" in str(error)
    sent, error = taken("RunService.CreateRun", too_large, key="mine")
    assert (len(sent), type(error)) == (1, InvalidArgument)


def test_writes_that_were_not_sent_or_were_refused_are_sent_again_everywhere() -> None:
    for failure in (UNSENT, of_lineal("ABORTED", "CONFLICT"), of_lineal("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")):
        sent, answer = taken("RunService.CreateRun", failure, RUN)
        assert (methods(sent), answer) == (["CreateRun"] * 2, RUN)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (of_lineal("UNAVAILABLE", "OUTCOME_UNKNOWN"), FailureKind.LOST),
        (of_lineal("UNAVAILABLE", "STORE_UNAVAILABLE"), FailureKind.REFUSED),
        (of_lineal("RESOURCE_EXHAUSTED", "MEMORY_EXHAUSTED"), FailureKind.REFUSED),
        (of_lineal("DEADLINE_EXCEEDED", "POOL_EXHAUSTED"), FailureKind.REFUSED),
        (of_lineal("ABORTED", "ABORTED"), FailureKind.FINAL),
        (of_lineal("RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"), FailureKind.FINAL),
        (of_lineal("INVALID_ARGUMENT", "INVALID_FILTER"), FailureKind.FINAL),
        (of_lineal("INTERNAL", "INTERNAL"), FailureKind.FINAL),
        (Failure("ABORTED", "words"), FailureKind.FINAL),
        (Failure("RESOURCE_EXHAUSTED", "Received message larger than max"), FailureKind.FINAL),
        (Failure("DEADLINE_EXCEEDED", "Deadline Exceeded"), FailureKind.FINAL),
        (Failure("UNAVAILABLE", "words", "CONFLICT", "another"), FailureKind.FINAL),
        (Failure("UNAVAILABLE", "failed to connect to all addresses; last error"), FailureKind.UNSENT),
        (Failure("UNAVAILABLE", "DNS resolution failed for h"), FailureKind.UNSENT),
        (Failure("CANCELLED", "CANCELLED"), FailureKind.LOST),
        (LOST, FailureKind.LOST),
    ],
)
def test_failures_are_told_apart(failure: Failure, kind: FailureKind) -> None:
    assert failure.kind is kind


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (of_lineal("INVALID_ARGUMENT", "INVALID_FILTER"), InvalidArgument),
        (of_lineal("ABORTED", "ABORTED"), Aborted),
        (Failure("DEADLINE_EXCEEDED", "Deadline Exceeded"), DeadlineExceeded),
    ],
)
def test_final_answers_are_not_sent_again(failure: Failure, error: type[LinealError]) -> None:
    sent, raised = taken("RunService.GetRun", failure)
    assert (len(sent), type(raised), raised.attempts) == (1, error, 1)
    assert raised.request_id == dict(sent[0].metadata)["x-request-id"]
    assert (raised.reason, raised.code) == (failure.reason, failure.code)


def test_a_call_is_sent_so_many_times_and_not_more() -> None:
    sent, error = taken("RunService.GetRun", LOST, LOST, LOST, retries=2)
    assert (len(sent), type(error), error.attempts) == (3, Unavailable, 3)
    sent, error = taken("RunService.CreateRun", LOST, retries=0)
    assert (len(sent), type(error)) == (1, OutcomeUnknown)
    sent, error = taken("RunService.CreateRun", UNSENT, UNSENT, retries=1)
    assert (len(sent), type(error)) == (2, Unavailable)


def test_a_write_that_was_lost_once_stays_in_doubt() -> None:
    _, error = taken("RunService.CreateRun", LOST, KNOWS_KEYS, UNSENT, retries=1)
    assert type(error) is OutcomeUnknown
    _, error = taken("RunService.CreateRun", LOST, KNOWS_KEYS, of_lineal("INVALID_ARGUMENT", "INVALID_ARGUMENT"))
    assert type(error) is InvalidArgument


def test_whether_keys_are_known_is_asked_again_while_nobody_answers() -> None:
    sent, answer = taken("RunService.CreateRun", LOST, UNSENT, LOST, KNOWS_KEYS, RUN)
    assert (methods(sent), answer) == (["CreateRun", *["GetHealthz"] * 3, "CreateRun"], RUN)
    sent, error = taken("RunService.CreateRun", LOST, UNSENT, UNSENT, retries=1)
    assert (methods(sent), type(error)) == (["CreateRun", "GetHealthz", "GetHealthz"], OutcomeUnknown)


def test_a_deadline_is_for_all_attempts_together() -> None:
    end = time.monotonic() + 0.5
    steps = Core(Settings(timeout_seconds=0.5)).call("RunService.GetRun", run_pb2.GetRunRequest())
    step, error = next(steps), None
    while error is None:
        rest = end - time.monotonic()
        assert step.seconds < rest if isinstance(step, Pause) else step.timeout_seconds == pytest.approx(rest, abs=0.1)
        time.sleep(step.seconds if isinstance(step, Pause) else 0)
        try:
            step = steps.send(None if isinstance(step, Pause) else LOST)
        except LinealError as raised:
            error = raised
    assert type(error) is Unavailable
    assert time.monotonic() < end + 0.1


def test_pauses_double_up_to_a_bound_and_may_be_anything_below() -> None:
    longest = [pause_seconds(attempts, lambda: 1.0) for attempts in range(1, 30)]
    assert longest[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert longest[-1] == LONGEST_PAUSE_SECONDS
    assert pause_seconds(9, lambda: 0.0) == 0.0


def test_pauses_draw_nothing_from_the_generator_that_programs_seed() -> None:
    random.seed(1)
    before = random.getstate()
    assert len({pause_seconds(5) for _ in range(10)}) > 1
    assert random.getstate() == before


def test_what_is_safe_by_itself_reads_or_changes_nothing_the_second_time() -> None:
    safe = {name for name, method in BY_NAME.items() if is_safe(method)}
    others = {name.partition(".")[2] for name in safe if not name.partition(".")[2].startswith(("Get", "List"))}
    archiving = {f"{verb}{noun}" for verb in ("Archive", "Unarchive") for noun in ("Run", "Experiment")}
    assert others == {"Search", "CompareRuns", "FindCachedTask"} | archiving
    assert "RunService.DeleteRun" not in safe


def test_servers_take_turns_and_one_that_cannot_be_reached_is_left_out() -> None:
    settings = {"server": "a:1,b:1,c:1"}
    assert [step.server for step in taken("RunService.GetRun", LOST, LOST, RUN, **settings)[0]] == [0, 1, 2]
    core = Core(Settings(**settings))
    core.turns.leave_out(1)
    assert [core.turns.next() for _ in range(4)] == [0, 2, 0, 2]
    for index in range(3):
        core.turns.leave_out(index)
    assert {core.turns.next() for _ in range(3)} == {0, 1, 2}


def test_another_server_is_tried_at_once() -> None:
    steps = Core(Settings(server="a:1,b:1")).call("RunService.GetRun", run_pb2.GetRunRequest())
    next(steps)
    assert steps.send(UNSENT) == Pause(0.0)


def test_error_details_are_read_and_broken_ones_ignored() -> None:
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason="IN_USE", domain="lineal", metadata={"field": "x"}))
    details = status_pb2.Status(details=[AnyMessage(type_url="a/b"), detail]).SerializeToString()
    assert read_failure("NOT_FOUND", "m", details) == Failure("NOT_FOUND", "m", "IN_USE", "lineal", {"field": "x"})
    assert read_failure("NOT_FOUND", "m", b"\xff") == read_failure("NOT_FOUND", "m", None) == Failure("NOT_FOUND", "m")


def test_a_limit_is_not_a_reason_to_wait() -> None:
    _, error = taken("RunService.CreateRun", Failure("RESOURCE_EXHAUSTED", "Received message larger than max"))
    assert type(error) is ResourceExhausted


def test_an_error_says_if_the_token_was_withheld(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    monkeypatch.setattr("lineal._tokens.KFP_TOKEN_FILE", str(token))
    sent, error = taken("RunService.GetRun", Failure("UNAUTHENTICATED", "who are you"), server="far:1")
    assert "authorization" not in dict(sent[0].metadata)
    assert type(error) is Unauthenticated
    assert f"the token in {token} was not sent, because the connection has no TLS" in str(error)


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\nb", 5])
def test_malformed_keys_and_times_are_refused_before_anything_is_sent(key: Any) -> None:
    core = Core(Settings())
    with pytest.raises(ValueError, match="idempotency_key: must be 1 to 255 printable ASCII"):
        core.call("RunService.CreateRun", run_pb2.CreateRunRequest(), idempotency_key=key)
    with pytest.raises(ValueError, match="timeout_seconds: must be more than 0"):
        core.call("RunService.CreateRun", run_pb2.CreateRunRequest(), timeout_seconds=0)
