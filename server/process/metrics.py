"""Figures for Prometheus: calls, latencies, the pools, the size of the store, the process. Composition makes one a process.

With several workers each answers for itself: the figures are those of the worker that the request happened to reach.
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

# From a single read of SQLite to the longest that a REST call may take.
BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZE_SECONDS = 60.0
"""How long the size of the store is taken to stay what it was: a large database asks its whole catalogue."""

MEASURING_SECONDS = 1.5
AGAIN_SECONDS = 5.0
"""How long a size that could not be had is not asked for again."""

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Watched:
    """What is measured when figures are asked for: connections in use and at most by pool, and the bytes of the store.

    `size_bytes` may raise StorageError.
    """

    pools: Callable[[], Mapping[str, tuple[int, int]]]
    size_bytes: Callable[[], Awaitable[int]]


class Metrics:
    """The figures of this process; `build` says what runs."""

    def __init__(self, watched: Watched, *, build: Mapping[str, str]) -> None:
        self._watched = watched
        self._registry = CollectorRegistry()
        self._size: int | None = None
        self._size_until = 0.0
        self._measuring = asyncio.Lock()
        labels = ["method", "door"]
        self._calls = Counter("lineal_calls", "Calls that ended.", [*labels, "code"], registry=self._registry)
        self._seconds = Histogram(
            "lineal_call_seconds", "How long calls took.", labels, registry=self._registry, buckets=BUCKETS_SECONDS
        )
        self._registry.register(_Now(lambda: self._families(build)))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def observe(self, method: str, door: str, code: str, seconds: float) -> None:
        """Count a call that ended."""
        self._calls.labels(method, door, code).inc()
        self._seconds.labels(method, door).observe(seconds)

    async def text(self) -> bytes:
        """Return the figures in Prometheus' text format; a size that cannot be had in time is left out."""
        await self._measure()
        return generate_latest(self._registry)

    async def _measure(self) -> None:
        async with self._measuring:
            if time.monotonic() < self._size_until:
                return
            self._size_until = time.monotonic() + SIZE_SECONDS
            self._size = None
            try:
                async with asyncio.timeout(MEASURING_SECONDS):
                    self._size = await self._watched.size_bytes()
            except (StorageError, TimeoutError):
                self._size_until = time.monotonic() + AGAIN_SECONDS

    def _families(self, build: Mapping[str, str]) -> Iterable[Metric]:
        info = GaugeMetricFamily("lineal_build_info", "What runs: always 1.", labels=list(build))
        info.add_metric(list(build.values()), 1)
        used = GaugeMetricFamily("lineal_pool_connections_in_use", "Database connections in use.", labels=["pool"])
        most = GaugeMetricFamily("lineal_pool_connections_max", "Database connections at most.", labels=["pool"])
        for pool, (in_use, size) in self._watched.pools().items():
            used.add_metric([pool], in_use)
            most.add_metric([pool], size)
        yield from (info, used, most)
        if self._size is not None:
            yield GaugeMetricFamily("lineal_store_bytes", "Bytes that the store takes.", value=self._size)


class _Now(Collector):
    """Figures that are looked up when they are asked for."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._collect = families

    def collect(self) -> Iterable[Metric]:
        """Return the figures."""
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering asks for no figures."""
        return ()
