"""Metrics for Prometheus: calls, latencies, pools, size of the store, process. The composition root makes one per process.

Each worker reports only its own figures: a request gets those of the worker that happens to serve it.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from server.process.tallies import BUCKETS_SECONDS, Tallies
from storage.errors import StorageError
from storage.record import record

# Imported when the figures are first asked for: a server counts without it, and it takes as long to import as the door for HTTP.
if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

SIZE_SECONDS = 60.0
"""How long a measured size is reused: measuring reads the whole catalogue of a large database."""

MEASURING_SECONDS = 1.5
RETRY_SECONDS = 5.0
"""How long to wait after a failed measurement before the next one."""

_CALL_LABELS = ("api", "method", "door")


def content_type() -> str:
    """Return the media type of the figures."""
    from prometheus_client.exposition import CONTENT_TYPE_LATEST

    return CONTENT_TYPE_LATEST


@record
class Gauges:
    """What is read on each request: per pool, the connections in use and their maximum; the size of the store in bytes.

    `size_bytes` may raise StorageError.
    """

    pools: Callable[[], Mapping[str, tuple[int, int]]]
    size_bytes: Callable[[], Awaitable[int]]


class Metrics:
    """The figures of this process; `build` describes the running version."""

    def __init__(self, gauges: Gauges, *, build: Mapping[str, str]) -> None:
        self._gauges, self._build = gauges, build
        self._tallies = Tallies()
        self._refused: dict[tuple[str, str], tuple[int, float]] = {}  # how many, and since when
        self._refused_lock = threading.Lock()
        self._size: int | None = None
        self._size_until = 0.0
        self._measuring = asyncio.Lock()
        self.observe = self._tallies.count  # counts a call that ended

    def count_refusal(self, door: str, reason: str) -> None:
        """Count a request that was refused before anything worked on it. Any thread may call this."""
        with self._refused_lock:
            count, created = self._refused.get((door, reason)) or (0, time.time())
            self._refused[door, reason] = count + 1, created

    async def text(self) -> bytes:
        """Return the figures in Prometheus' text format; the size is left out when it cannot be measured in time."""
        await self.measure()
        # The first time it imports, and many figures take long.
        return await asyncio.to_thread(self.present)

    def present(self) -> bytes:
        """Return the figures with the size that was last measured. Any thread may call this."""
        from prometheus_client.exposition import generate_latest

        return generate_latest(self._registry)

    async def measure(self) -> None:
        """Measure the size of the store, unless that was done shortly before."""
        async with self._measuring:
            if time.monotonic() < self._size_until:
                return
            self._size_until = time.monotonic() + SIZE_SECONDS
            self._size = None
            try:
                async with asyncio.timeout(MEASURING_SECONDS):
                    self._size = await self._gauges.size_bytes()
            except (StorageError, TimeoutError):
                self._size_until = time.monotonic() + RETRY_SECONDS

    @cached_property
    def _registry(self) -> "CollectorRegistry":
        from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
        from prometheus_client.registry import Collector

        families = self._families

        class Figures(Collector):
            def collect(self) -> "Iterator[Metric]":
                return families()

            def describe(self) -> "Iterator[Metric]":
                return iter(())  # so that registering reads no figures

        registry = CollectorRegistry()
        registry.register(Figures())
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        return registry

    def _families(self) -> "Iterator[Metric]":
        yield from self._counted()
        yield from self._read()

    def _counted(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        calls = CounterMetricFamily("lineal_calls", "Calls that ended.", labels=[*_CALL_LABELS, "code"])
        for of_code, tally in list(self._tallies.by_code.items()):
            calls.add_metric(of_code, tally.count, created=tally.created)
        seconds = HistogramMetricFamily("lineal_call_seconds", "How long calls took.", labels=_CALL_LABELS)
        bounds = [*map(str, BUCKETS_SECONDS), "+Inf"]
        for of_method, durations in list(self._tallies.durations.items()):
            buckets = list(zip(bounds, durations.cumulative(), strict=True))
            seconds.add_metric(of_method, buckets, durations.sum_seconds)
            labels = dict(zip(_CALL_LABELS, of_method, strict=True))
            seconds.add_sample("lineal_call_seconds_created", labels, durations.created)
        description = "Requests that were refused before anything worked on them."
        refused = CounterMetricFamily("lineal_refused", description, labels=["door", "reason"])
        with self._refused_lock:
            refusals = list(self._refused.items())
        for of_reason, (count, created) in refusals:
            refused.add_metric(of_reason, count, created=created)
        yield from (calls, seconds, refused)

    def _read(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        labels = list(self._build)
        info = GaugeMetricFamily("lineal_build_info", "The running version; the value is always 1.", labels=labels)
        info.add_metric(list(self._build.values()), 1)
        labels = ["pool"]
        current = GaugeMetricFamily("lineal_pool_connections_in_use", "Database connections in use.", labels=labels)
        limit = GaugeMetricFamily(
            "lineal_pool_connections_max", "Maximum number of database connections.", labels=labels
        )
        for pool, (in_use, size) in self._gauges.pools().items():
            current.add_metric([pool], in_use)
            limit.add_metric([pool], size)
        yield from (info, current, limit)
        if self._size is not None:
            yield GaugeMetricFamily("lineal_store_bytes", "Size of the store in bytes.", value=self._size)
