"""Cached specifications, each valid until its run changes: a page that shows a run requests it every 10 s."""

from server.rules.bounded_cache import BoundedCache
from storage.model import Run, RunActivity
from storage.record import record

BYTES_MAX = 32 * 1024 * 1024
"""Maximum size of all cached specifications of a process; the least recently used one is removed first."""


@record
class RecordedSpec:
    """A made specification as JSON text, and as a serialized google.protobuf.Struct."""

    text: str
    struct: bytes

    @property
    def size_bytes(self) -> int:
        """Its approximate size in memory."""
        return len(self.text) + len(self.struct)


class RecordedSpecs:
    """The cached specifications of a process, one per run."""

    def __init__(self) -> None:
        self._specs: BoundedCache[tuple[tuple[object, ...], RecordedSpec]] = BoundedCache(BYTES_MAX)

    def find(self, run: Run, activity: RunActivity) -> RecordedSpec | None:
        """Return the specification of a run, None unless it was made from this state of the run."""
        key, spec = self._specs.find(run.id) or ((), None)
        return spec if key == _key(run, activity) else None

    def keep(self, run: Run, activity: RunActivity, spec: RecordedSpec) -> None:
        """Cache the specification made from this state of a run, instead of an earlier one."""
        self._specs.keep(run.id, (_key(run, activity), spec), size_bytes=spec.size_bytes)


def _key(run: Run, activity: RunActivity) -> tuple[object, ...]:
    return run.updated_at, activity.task_count, activity.tasks_updated_at, activity.last_link_id
