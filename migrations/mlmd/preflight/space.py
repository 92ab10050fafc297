"""Estimates by how much a store grows, and compares that with the space that is free.

How much is free is known where the store's folder is on this machine: for a file, and for a server on this machine that says
where its folder is.
"""

import os
import shutil

from migrations.mlmd.read.survey import Survey

BYTES_PER_RUN, BYTES_PER_TASK, BYTES_PER_ARTIFACT, BYTES_PER_LINK = 2000, 1800, 1000, 440
"""What the rows of a run of KFP take in a file, with their indexes and the import's notes: 150 MB for 20,000 executions with
61,000 artifacts and 118,000 events, measured with `benchmarks/mlmd_store.py`; servers took 200 MB and 250 MB."""

CERTAIN_SHARE = 4
"""With less than one in so many bytes of the estimate free, an import is refused."""

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def row_bytes(survey: Survey) -> int:
    """Return how many bytes the rows of a source take in a file, indexes included, if their texts are short."""
    return (
        survey.executions_in_runs * BYTES_PER_TASK
        + survey.artifacts * BYTES_PER_ARTIFACT
        + survey.events_in_runs * BYTES_PER_LINK
        + sum(survey.runs.values()) * BYTES_PER_RUN
    )


def free_bytes(folder: str) -> int | None:
    """Return how much space is free in a folder, or, if it has yet to be made, in the one around it; None if neither is here."""
    for place in (folder, os.path.dirname(folder)):
        try:
            if place:
                return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def shown(count: int) -> str:
    """Return a number of bytes for people."""
    size, place = float(count), 0
    while size >= 1024 and place < len(_UNITS) - 1:
        size, place = size / 1024, place + 1
    return f"{size:.{0 if size >= 10 or place == 0 else 1}f} {_UNITS[place]}"
