"""Cached specifications, each valid until its run changes: a page that shows a run requests it every 10 s."""

from collections import OrderedDict
from dataclasses import dataclass

from storage.model import Run, RunActivity

BYTES_MAX = 32 * 1024 * 1024
"""Maximum size of all cached specifications of a process; the least recently used one is removed first."""


@dataclass(frozen=True, slots=True)
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
        self._specs: OrderedDict[str, tuple[tuple[object, ...], RecordedSpec]] = OrderedDict()
        self._bytes = 0

    def find(self, run: Run, activity: RunActivity) -> RecordedSpec | None:
        """Return the specification of a run, None unless it was made from this state of the run."""
        key, spec = self._specs.get(run.id, ((), None))
        if spec is None or key != _key(run, activity):
            return None
        self._specs.move_to_end(run.id)
        return spec

    def keep(self, run: Run, activity: RunActivity, spec: RecordedSpec) -> None:
        """Cache the specification made from this state of a run, instead of an earlier one."""
        _, old_spec = self._specs.pop(run.id, ((), None))
        self._bytes += spec.size_bytes - (old_spec.size_bytes if old_spec else 0)
        self._specs[run.id] = (_key(run, activity), spec)
        while self._bytes > BYTES_MAX:
            _, (_, oldest) = self._specs.popitem(last=False)
            self._bytes -= oldest.size_bytes


def _key(run: Run, activity: RunActivity) -> tuple[object, ...]:
    return run.updated_at, activity.task_count, activity.tasks_updated_at, activity.last_link_id
