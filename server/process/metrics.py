"""Metrics for Prometheus: calls, latencies, pools, size of the store, process. The composition root makes one per process.

Each worker reports only its own figures: a request gets those of the worker that happens to serve it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from storage.errors import StorageError

# From a single read of SQLite to the longest time that a REST call may take.
BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZE_SECONDS = 60.0
"""How long a measured size is reused: measuring reads the whole catalogue of a large database."""

MEASURING_SECONDS = 1.5
RETRY_SECONDS = 5.0
"""How long to wait after a failed measurement before the next one."""

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is read on each request: per pool, the connections in use and their maximum; the size of the store in bytes.

    `size_bytes` may raise StorageError.
    """

    pools: Callable[[], Mapping[str, tuple[int, int]]]
    size_bytes: Callable[[], Awaitable[int]]


class Metrics:
    """The figures of this process; `build` describes the running version."""

    def __init__(self, gauges: Gauges, *, build: Mapping[str, str]) -> None:
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self._size: int | None = None
        self._size_until = 0.0
        self._measuring = asyncio.Lock()
        labels = ["api", "method", "door"]
        self._calls = Counter("lineal_calls", "Calls that ended.", [*labels, "code"], registry=self._registry)
        self._seconds = Histogram(
            "lineal_call_seconds", "How long calls took.", labels, registry=self._registry, buckets=BUCKETS_SECONDS
        )
        self._refused = Counter(
            "lineal_refused",
            "Requests that were refused before anything worked on them.",
            ["door", "reason"],
            registry=self._registry,
        )
        self._registry.register(_PerRequest(lambda: self._families(build)))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def observe(self, api: str, method: str, door: str, code: str, seconds: float) -> None:
        """Count a call that ended."""
        self._calls.labels(api, method, door, code).inc()
        self._seconds.labels(api, method, door).observe(seconds)

    def count_refusal(self, door: str, reason: str) -> None:
        """Count a request that was refused before anything worked on it. Any thread may call this."""
        self._refused.labels(door, reason).inc()

    async def text(self) -> bytes:
        """Return the figures in Prometheus' text format; the size is left out when it cannot be measured in time."""
        await self.measure()
        return self.present()

    def present(self) -> bytes:
        """Return the figures with the size that was last measured. Any thread may call this."""
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

    def _families(self, build: Mapping[str, str]) -> Iterable[Metric]:
        info = GaugeMetricFamily("lineal_build_info", "The running version; the value is always 1.", labels=list(build))
        info.add_metric(list(build.values()), 1)
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


class _PerRequest(Collector):
    """Figures that are read anew for each request."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._collect = families

    def collect(self) -> Iterable[Metric]:
        """Return the figures."""
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering reads no figures."""
        return ()
