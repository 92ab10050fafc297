"""How the command ends: statuses, one line on standard error, and never a traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from lineal import Client
from lineal.cli.exits import Status

from tests.cli_client.program import Lineal
from tests.faults.cluster import Server, clean_environment
from tests.interrupts import let_it_be_interrupted

pytestmark = pytest.mark.databases("sqlite")


class _Answers(grpc.GenericRpcHandler):
    """Ends every call with a code."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self._code, self._message = code, message

    def service(self, _details: grpc.HandlerCallDetails) -> Any:
        def end(_request: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(self._code, self._message)
            return b""

        return grpc.unary_unary_rpc_method_handler(end)


@contextmanager
def a_server_that_ends_calls_with(code: grpc.StatusCode, message: str) -> Iterator[Lineal]:
    """The command, with a server that answers nothing else."""
    with ThreadPoolExecutor() as threads:
        server = grpc.server(threads, [_Answers(code, message)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield Lineal(f"127.0.0.1:{port}")
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, Status.USAGE),
        (grpc.StatusCode.NOT_FOUND, Status.NOT_FOUND),
        (grpc.StatusCode.FAILED_PRECONDITION, Status.FAILED),
        (grpc.StatusCode.UNIMPLEMENTED, Status.FAILED),
        (grpc.StatusCode.PERMISSION_DENIED, Status.FORBIDDEN),
        (grpc.StatusCode.UNAUTHENTICATED, Status.FORBIDDEN),
        (grpc.StatusCode.UNAVAILABLE, Status.UNREACHABLE),
    ],
)
def test_each_code_has_its_status(code: grpc.StatusCode, status: Status) -> None:
    with a_server_that_ends_calls_with(code, "so it\nis\x1b[2J") as lineal:
        ended = lineal("runs", "list", "--retries", "0")
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)
    assert ended.err.startswith("lineal: ")
    assert "so it is�[2J" in ended.err


def test_a_failure_of_the_server_has_the_id_of_the_request() -> None:
    with a_server_that_ends_calls_with(grpc.StatusCode.INTERNAL, "internal error 7") as lineal:
        ended = lineal("runs", "list", "--retries", "0")
    assert ended.status == Status.FAILED
    assert ended.err.startswith("lineal: internal error 7 (request ")


def test_a_server_that_is_not_there_is_named() -> None:
    ended = Lineal("127.0.0.1:1")("runs", "list", "--timeout-seconds", "1")
    assert (ended.status, ended.out) == (Status.UNREACHABLE, "")
    assert ended.err == "lineal: no server could be reached at 127.0.0.1:1: Connection refused\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--server", "http://x", "runs", "list"),
        ("runs", "list", "--server", "http://x"),
        ("runs", "list", "--timeout-seconds", "-1"),
        ("runs", "list", "--token-file", "/nothing", "--server", "far.example"),
        ("runs", "list", "--no-tls", "--ca-file", "x"),
    ],
)
def test_a_connection_that_cannot_be_is_wrong_usage(lineal: Lineal, words: tuple[str, ...]) -> None:
    ended = lineal(*words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (Status.USAGE, "", 1)


def test_options_behind_a_command_go_before_those_in_front_of_it(demo_server: Server) -> None:
    nowhere = Lineal("127.0.0.1:1")
    assert nowhere("--server", demo_server.grpc, "pipelines", "list").status == 0
    assert nowhere("--server", "127.0.0.1:2", "pipelines", "list", "--server", demo_server.grpc).status == 0


def test_without_words_the_help_is_shown(lineal: Lineal) -> None:
    for words in ((), ("runs",)):
        ended = lineal(*words)
        assert (ended.status, ended.out) == (Status.USAGE, "")
        assert ended.err.startswith("Usage: lineal")
    assert lineal("--version").out.startswith("lineal, version ")
    assert lineal("runs", "-h").out.startswith("Usage: lineal runs")


def test_a_closed_pipe_is_quiet(lineal: Lineal) -> None:
    for words in (["export", "churn 12"], ["runs", "list", "--limit", "all"], ["runs", "get", "churn 12"]):
        reading, writing = os.pipe()
        process = lineal.process(words, stdout=writing, stderr=subprocess.PIPE)
        os.close(reading)
        os.close(writing)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (Status.PIPE_CLOSED, b"")


def test_a_full_disk_is_told(lineal: Lineal) -> None:
    with open("/dev/full", "wb") as full:
        process = lineal.process(["runs", "list"], stdout=full.fileno(), stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (Status.FAILED, b"lineal: No space left on device\n")


def test_ctrl_c_ends_a_watch_without_a_word(lineal: Lineal) -> None:
    process = lineal.process(
        ["watch", "churn 13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=let_it_be_interrupted
    )
    assert process.stdout is not None
    assert b"churn 13" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (Status.INTERRUPTED, b"")


def test_a_defect_is_one_line_and_where_it_is_can_be_shown(lineal: Lineal) -> None:
    broken = "from lineal.cli import lists, program; lists.page_size = None; raise SystemExit(program.run())"
    for changes, lines in (({}, 1), ({"LINEAL_TRACEBACK": "1"}, 2)):
        environment = clean_environment({**lineal.environment, **changes})
        done = subprocess.run(
            [sys.executable, "-c", broken, "runs", "list"],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == Status.FAILED
        assert done.stderr.startswith("lineal: a defect of this command: TypeError: ")
        assert (done.stderr.count("\n") > 1) is (lines > 1)


def test_without_the_extra_the_command_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['rich'] = None; from lineal.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lineal: the command line is not installed; install it with: pip install 'lineal[cli]'\n"


def test_a_watch_ends_with_the_run(writer: Lineal, client: Client) -> None:
    run_id = client.create_run(run={"display_name": "watched"}).run_id
    root = {"name": "ROOT", "type": "ROOT", "state": "RUNNING"}
    root_id = client.create_task(run_id, task=root).task_id
    process = writer.process(["watch", "watched", "--interval", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert b"running" in process.stdout.readline()
    client.create_task(run_id, task={"name": "fit", "parent_task_id": root_id, "state": "RUNNING", "type": "RUNTIME"})
    assert b"fit: " in process.stdout.readline()
    client.update_task(run_id, root_id, task={"state": "SUCCEEDED", "run_id": run_id, "task_id": root_id})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (Status.DONE, b"")
    assert out.decode().splitlines()[-1].startswith("✓ watched succeeded after ")


@pytest.mark.slow
def test_a_watch_outlives_a_server_that_does_not_answer_for_a_while(empty_server: Server, writer: Lineal) -> None:
    with Client(empty_server.grpc) as client:
        run_id = client.create_run(run={"display_name": "outlived"}).run_id
    words = ["watch", run_id, "--interval", "0.2", "--timeout-seconds", "1", "--retries", "0"]
    process = writer.process(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(empty_server.process_id, signal.SIGSTOP)
    time.sleep(2)
    os.kill(empty_server.process_id, signal.SIGCONT)
    with Client(empty_server.grpc) as client:
        client.delete_run(run_id)
    _, err = process.communicate(timeout=60)
    assert process.returncode == Status.NOT_FOUND
    assert "trying again" in err.decode().splitlines()[0]
