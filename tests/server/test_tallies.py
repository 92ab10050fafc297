"""What is counted by hand is presented as prometheus_client would have counted it."""

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from server.process.metrics import Gauges, Metrics
from server.process.tallies import BUCKETS_SECONDS

LABELS = ["api", "method", "door"]

EndedCall = tuple[str, str, str, str, float]

calls = st.tuples(
    st.just("kfp"),
    st.sampled_from(["GetRun", "GetTask"]),
    st.sampled_from(["grpc", "rest"]),
    st.sampled_from(["OK", "NOT_FOUND"]),
    st.sampled_from([*BUCKETS_SECONDS, 0.0, 0.0011, 61.0]) | st.floats(min_value=0, max_value=100),
)


async def no_size() -> int:
    return 1


def counted_by_the_library(ended: Sequence[EndedCall]) -> bytes:
    registry = CollectorRegistry()
    counter = Counter("lineal_calls", "Calls that ended.", [*LABELS, "code"], registry=registry)
    seconds = Histogram(
        "lineal_call_seconds", "How long calls took.", LABELS, registry=registry, buckets=BUCKETS_SECONDS
    )
    for api, method, door, code, took in ended:
        counter.labels(api, method, door, code).inc()
        seconds.labels(api, method, door).observe(took)
    return generate_latest(registry)


def lines_of(text: bytes) -> list[str]:
    lines = [line for line in text.decode().splitlines() if "lineal_call" in line]
    return [re.sub(r"(_created\{.*\}) .*", r"\1", line) for line in lines]  # but for the moments


@given(st.lists(calls, max_size=20))
def test_calls_are_presented_as_the_library_counts_them(ended: list[EndedCall]) -> None:
    metrics = Metrics(Gauges(dict, no_size), build={})
    for call in ended:
        metrics.observe(*call)
    assert lines_of(metrics.present()) == lines_of(counted_by_the_library(ended))
