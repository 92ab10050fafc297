"""Estimates how long an import takes: some runs are read and mapped, and what that takes is multiplied.

Reading and mapping are measured here and now, with this source and this machine; how much longer writing takes is taken from
measurements of imports of 20,000 executions into each kind of store.
"""

import time
from contextlib import aclosing

from migrations.mlmd.source import Source, mapped_runs

FEW_EXECUTIONS = 2000
"""Imports of up to so many executions take seconds, and nothing is measured."""

SAMPLE_EXECUTIONS = 500
"""How many executions are read and mapped, or one larger run."""

WRITING_FACTOR = 3.0
"""How many times as long as reading and mapping an import takes in all."""


async def estimate_seconds(source: Source) -> float | None:
    """Return how long an import of all of a source may take; None if it has few runs, or none."""
    survey = source.store.survey
    if survey.executions_in_runs <= FEW_EXECUTIONS:
        return None
    start = time.monotonic()
    async with aclosing(mapped_runs(source, executions_per_batch=SAMPLE_EXECUTIONS)) as batches:
        async for batch in batches:
            if batch.executions:
                seconds = time.monotonic() - start
                return seconds / batch.executions * survey.executions_in_runs * WRITING_FACTOR
    return None


def sentence(seconds: float, executions: int) -> str:
    """Return the estimate for people."""
    rate = executions / seconds
    return (
        f"this may take about {_shown(seconds)}: {executions} executions at {rate:.0f} per second, an estimate from reading and "
        "mapping some of them; a true-up takes less"
    )


def _shown(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
