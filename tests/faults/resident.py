"""How much memory a server takes. Called by tests."""

import contextlib
from pathlib import Path

from tests.databases import processes


def resident_mebibytes(process_id: int) -> float:
    """The resident memory of a server's largest process."""
    return max(map(_of_one, processes.family(process_id)))


def _of_one(process_id: int) -> float:
    with contextlib.suppress(OSError):  # it has ended
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)
    return 0.0
