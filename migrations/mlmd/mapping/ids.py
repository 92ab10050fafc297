"""The ids of imported rows: UUIDs of version 5, so that every import of a store assigns the same ones.

The mapping calls this. MLMD stores have the same row ids, so all but one need a store id, which is a prefix of the name.
"""

from hashlib import sha1
from uuid import NAMESPACE_DNS

from storage.record import record

_NAMESPACE = sha1(NAMESPACE_DNS.bytes, usedforsecurity=False)
# RFC 9562: four bits are the version, two the variant.
_FREE_BITS = ~(0xF << 76 | 0b11 << 62)
_VERSION_5 = 5 << 76 | 0b10 << 62


@record
class Ids:
    """Makes the ids of one MLMD store's rows."""

    store_id: str = ""

    def of(self, name: str) -> str:
        """Return the id of a name such as `execution:12`."""
        # Equal to uuid.uuid5 at a third of its cost: a store needs several ids per row.
        digest = _NAMESPACE.copy()
        digest.update((f"{self.store_id}:{name}" if self.store_id else name).encode(errors="surrogateescape"))
        text = f"{int.from_bytes(digest.digest()[:16]) & _FREE_BITS | _VERSION_5:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def task(self, execution_id: int) -> str:
        """Return the id of the task that an execution becomes."""
        return self.of(f"execution:{execution_id}")

    def run(self, context_id: int) -> str:
        """Return the id of a run whose context is not named after a run of KFP."""
        return self.of(f"context:{context_id}")

    def root(self, context_id: int) -> str:
        """Return the id of the ROOT task of a run without a recorded one."""
        return self.of(f"root:{context_id}")

    def artifact(self, artifact_id: int, *, namespace: str | None, metric: str | None) -> str:
        """Return the id of an artifact; `namespace` is that of a copy, `metric` the name of one of several metrics."""
        name = f"artifact:{artifact_id}" if namespace is None else f"artifact:{artifact_id}@{namespace}"
        return self.of(name if metric is None else f"{name}:{metric}")

    def link(self, execution_id: int, artifact_id: int, event_type: int, key: str, ordinal: int) -> str:
        """Return the id of the link that an event becomes; the ordinal counts links that are equal in everything else."""
        return self.of(f"event:{execution_id}:{artifact_id}:{event_type}:{key}:{ordinal}")

    def propagated_link(self, execution_id: int, artifact_id: int, key: str, iteration: int, ordinal: int) -> str:
        """Return the id of the link that gives a parent task an output of the tasks within it."""
        return self.of(f"output:{execution_id}:{artifact_id}:{key}:{iteration}:{ordinal}")
