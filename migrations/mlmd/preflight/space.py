"""Estimates by how much a store grows, and compares that with the space that is free.

How much is free is known where the store's folder is on this machine: for a file, and for a server on this machine that says
where its folder is.
"""

import os
import shutil

from migrations.mlmd.read.survey import Survey

BYTES_PER_TASK, BYTES_PER_ARTIFACT, BYTES_PER_LINK, BYTES_PER_RUN = 1800, 1500, 750, 2000

CERTAIN_SHARE = 4
"""With less than one in so many bytes of the estimate free, an import is refused."""

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def store_bytes(survey: Survey) -> int:
    """Return by how many bytes a store may grow when it takes all of a source, its indexes and the import's notes included."""
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
