"""Both clients against a real server: every method is there, answers are messages, errors are exceptions, lists page."""

import asyncio
import inspect
import pickle
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import lineal
import lineal.aio
import pytest
from lineal import errors
from lineal._retries import is_safe
from lineal.methods import METHODS, Method
from lineal.v2beta1 import run_pb2

from tests.api.builders import unique
from tests.databases.private import free_port
from tests.faults.cluster import Server

pytestmark = pytest.mark.one_database

CLIENTS = pytest.mark.parametrize("kind", [lineal.Client, lineal.aio.Client], ids=["Client", "aio.Client"])


def name_of(method: Method) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.name.partition(".")[2]).lower()


@CLIENTS
def test_every_rpc_is_a_method_with_all_fields_of_its_request(kind: type) -> None:
    for method in METHODS:
        parameters = set(inspect.signature(getattr(kind, name_of(method))).parameters)
        fields = {each.name for each in method.request.DESCRIPTOR.fields if not each.GetOptions().deprecated}
        extra = {"self", "timeout_seconds"} | (set() if is_safe(method) else {"idempotency_key"})
        assert parameters | {"skip_total_size"} == fields | extra | {"skip_total_size"}, method.name


@CLIENTS
def test_every_method_says_what_it_and_its_parameters_do(kind: type) -> None:
    for method in METHODS:
        function = getattr(kind, name_of(method))
        for parameter in inspect.signature(function).parameters:
            assert parameter == "self" or f"\n        {parameter}: " in str(function.__doc__), (method.name, parameter)


def test_what_is_written_is_read_back(client: lineal.Client) -> None:
    created = client.create_run(run={"display_name": "churn", "runtime_config": {"parameters": {"lr": 0.1}}})
    run = client.get_run(created.run_id, view="FULL")
    assert isinstance(run, run_pb2.Run)
    assert (run.display_name, run.runtime_config.parameters["lr"].number_value) == ("churn", 0.1)
    assert client.archive_run(created.run_id) is None
    assert client.get_run(created.run_id).storage_state == run_pb2.Run.ARCHIVED
    assert "PENDING" in {count.state for count in client.get_overview().states}


async def test_the_same_with_await(address: str) -> None:
    async with lineal.aio.Client(address) as client:
        created = await client.create_run(run={"display_name": "churn"})
        assert await client.archive_run(created.run_id) is None
        assert (await client.get_run(created.run_id, view="BASIC")).storage_state == run_pb2.Run.ARCHIVED
        with pytest.raises(errors.NotFound):
            await client.get_run(unique())


def test_methods_without_arguments_answer(client: lineal.Client) -> None:
    assert client.get_healthz().idempotency_keys


def test_an_error_has_code_reason_and_the_id_that_the_server_logs(client: lineal.Client, server: Server) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.list_runs(filter="{").first(1)
    error = caught.value
    assert (error.code, error.reason, error.attempts) == ("INVALID_ARGUMENT", "INVALID_FILTER", 1)
    [line] = [line for line in server.calls("ListRuns") if line["request_id"] == error.request_id]
    assert line["code"] == error.code
    assert str(error) == f"{error.message} [INVALID_FILTER, request {error.request_id}]"
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_what_does_not_fit_is_refused_without_a_call() -> None:
    client = lineal.Client(f"127.0.0.1:{free_port()}")
    with pytest.raises(ValueError, match="view: 'FUL' is not a ViewMode; there are DEFAULT, FULL, BASIC, RUNTIME_ONLY"):
        client.get_run("r", view="FUL")
    with pytest.raises(TypeError, match="unexpected keyword argument 'naem'"):
        client.list_runs(naem="x")  # type: ignore[call-arg]


def test_nobody_there_is_unavailable_also_for_a_write(free: str) -> None:
    with lineal.Client(free, retries=1) as client:
        for call in (lambda: client.get_run("r"), lambda: client.create_run(run={"display_name": "x"})):
            with pytest.raises(errors.Unavailable, match="Failed to connect") as caught:
                call()
            assert (type(caught.value), caught.value.attempts) == (errors.Unavailable, 2)


def test_a_server_that_is_down_is_passed_over(free: str, address: str) -> None:
    with lineal.Client(f"{free},{address}") as client:
        for _ in range(20):
            client.create_run(run={"display_name": "x"})


def test_the_variable_names_the_server(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAL_SERVER", address)
    with lineal.Client() as client:
        assert client.get_healthz().idempotency_keys
    assert repr(client) == f"<lineal.Client of {address}>"


def test_a_closed_client_says_so(address: str) -> None:
    client = lineal.Client(address)
    client.get_healthz()
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.get_healthz()


def test_a_call_ends_at_its_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = lineal.Client(f"127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=60.0)
        with client, pytest.raises(errors.DeadlineExceeded) as caught:
            client.create_run(run={"display_name": "x"}, timeout_seconds=0.2)
        assert caught.value.attempts == 1


def test_threads_share_a_client(client: lineal.Client) -> None:
    experiment = client.create_experiment(experiment={"display_name": unique()}).experiment_id
    with ThreadPoolExecutor(8) as threads:
        runs = [{"display_name": str(number), "experiment_id": experiment} for number in range(200)]
        created = list(threads.map(lambda run: client.create_run(run=run).display_name, runs))
    assert created == [str(number) for number in range(200)]
    assert client.list_runs(experiment_id=experiment).total_size() == 200


def test_closing_a_client_ends_its_calls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as threads:
        client = lineal.Client(f"127.0.0.1:{silent.getsockname()[1]}")
        call = threads.submit(client.get_healthz)
        with silent.accept()[0]:  # the call has begun
            client.close()
            with pytest.raises(RuntimeError, match="the client is closed"):
                call.result(timeout=20)


async def test_a_call_that_is_not_waited_for_any_longer_is_not_sent_again(free: str) -> None:
    async with lineal.aio.Client(free) as client:
        call = asyncio.create_task(client.get_healthz())
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@pytest.fixture
def free() -> str:
    """An address at which nobody listens."""
    return f"127.0.0.1:{free_port()}"
