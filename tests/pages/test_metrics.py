"""The figures for Prometheus count what happened, and asking for them costs the database little."""

import contextlib
from collections import Counter

import grpc
from prometheus_client.parser import text_string_to_metric_families

from server import __version__
from server.app import Addresses
from server.process.metrics import Gauges, Metrics
from storage.errors import Unavailable
from tests.api.client import Api
from tests.api.service import serving
from tests.rest.client import ask

Samples = Counter[tuple[str, frozenset[tuple[str, str]]]]


def samples_of(text: bytes) -> Samples:
    families = text_string_to_metric_families(text.decode())
    samples = [sample for family in families for sample in family.samples]
    return Counter({(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples})


async def samples(address: str) -> Samples:
    answer = await ask(address, "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return samples_of(answer.body)


def calls(seen: Samples, **labels: str) -> float:
    return seen["lineal_calls_total", frozenset(labels.items())]


async def test_calls_are_counted_by_method_door_and_code(served: Addresses) -> None:
    before = await samples(served.rest)
    api = Api(served.grpc)
    for _ in range(3):
        with contextlib.suppress(grpc.aio.AioRpcError):
            await api.GetRun(run_id="nobody")
    await api.channel.close()
    for _ in range(2):
        await ask(served.rest, "GET", "/apis/v2beta1/runs/nobody")
    await ask(served.rest, "GET", "/apis/v2beta1/runs?page_size=-1")
    added = await samples(served.rest)
    added.subtract(before)
    assert calls(added, api="kfp", method="RunService.GetRun", door="grpc", code="NOT_FOUND") == 3
    assert calls(added, api="kfp", method="RunService.GetRun", door="rest", code="NOT_FOUND") == 2
    assert calls(added, api="kfp", method="RunService.ListRuns", door="rest", code="INVALID_ARGUMENT") == 1


async def test_latencies_are_counted_once_a_call(served: Addresses) -> None:
    before = await samples(served.rest)
    for _ in range(5):
        await ask(served.rest, "GET", "/apis/v2beta1/experiments")
    added = await samples(served.rest)
    added.subtract(before)
    labels = {"api": "kfp", "method": "ExperimentService.ListExperiments", "door": "rest"}
    assert added["lineal_call_seconds_count", frozenset(labels.items())] == 5
    assert added["lineal_call_seconds_bucket", frozenset({**labels, "le": "60.0"}.items())] == 5
    assert 0 < added["lineal_call_seconds_sum", frozenset(labels.items())] < 60


async def test_store_pools_and_build_are_told(migrated_url: str) -> None:
    async with serving(migrated_url, pool_size=3) as addresses:
        seen = await samples(addresses.rest)
        await ask(addresses.rest, "POST", "/apis/v2beta1/experiments", {"display_name": "one"})
        later = await samples(addresses.rest)
    assert seen["lineal_store_bytes", frozenset()] > 10_000
    assert later["lineal_store_bytes", frozenset()] == seen["lineal_store_bytes", frozenset()]
    assert seen["lineal_pool_connections_max", frozenset({("pool", "reader")})] == 3
    assert seen["lineal_pool_connections_in_use", frozenset({("pool", "writer")})] == 0
    (build,) = [dict(labels) for name, labels in seen if name == "lineal_build_info"]
    assert build["version"] == __version__
    assert migrated_url.startswith(build["store"])
    assert build["schema"]
    assert seen["process_resident_memory_bytes", frozenset()] > 10_000_000


async def test_connections_in_use_are_told() -> None:
    async def size() -> int:
        return 1

    metrics = Metrics(Gauges(lambda: {"reader": (2, 5)}, size), build={})
    seen = samples_of(await metrics.text())
    assert seen["lineal_pool_connections_in_use", frozenset({("pool", "reader")})] == 2
    assert seen["lineal_pool_connections_max", frozenset({("pool", "reader")})] == 5


async def test_the_size_of_the_store_is_asked_for_once_a_minute() -> None:
    asked = []

    async def size() -> int:
        asked.append(1)
        return 4096

    metrics = Metrics(Gauges(dict, size), build={})
    for _ in range(3):
        assert samples_of(await metrics.text())["lineal_store_bytes", frozenset()] == 4096
    assert len(asked) == 1


async def test_a_size_that_cannot_be_had_is_left_out() -> None:
    async def size() -> int:
        raise Unavailable("the database is away")

    seen = samples_of(await Metrics(Gauges(dict, size), build={}).text())
    assert ("lineal_store_bytes", frozenset()) not in seen
    assert seen["python_info", next(labels for name, labels in seen if name == "python_info")] == 1
