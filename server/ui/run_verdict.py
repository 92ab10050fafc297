"""The sentence that says first what happened in a run."""

from datetime import datetime
from typing import Any

from server.ui.filters import duration, duration_words
from storage.record import record

_DONE = ("SUCCEEDED", "CACHED", "SKIPPED", "FAILED")


@record
class Verdict:
    """A sentence in parts: `word`, then "in `task`" with `where` it is, then `rest`, then what was said."""

    word: str
    rest: str
    task: str = ""
    where: str = ""
    message: str = ""


def verdict_of(run: Any, now: datetime) -> Verdict:
    """Return what happened in a run of GetRunReport: where it failed, or how far it is."""
    counts = {each.state: each.count for each in run.progress.tasks}
    again = f", started again {_times(run.retries)}" if run.retries else ""
    after = f"after {duration(run.created_at, run.finished_at)}{again}" if run.HasField("finished_at") else again[2:]
    so_far = f"for {duration(run.created_at, now)}{again}"
    if run.state == "FAILED":
        return _failure(run, after, again)
    tasks = _tasks(counts, run.progress.more)
    if run.state == "RUNNING":
        total, done = sum(counts.values()), sum(counts.get(state, 0) for state in _DONE)
        failed = f", {counts['FAILED']} failed" if counts.get("FAILED") else ""
        return Verdict("Running", f"{so_far}: {done} of {total} recorded tasks have ended{failed}")
    if run.progress.finished:
        word = {"SUCCEEDED": "Succeeded", "SKIPPED": "Skipped", "CANCELED": "Canceled"}[run.state]
        return Verdict(word, f"{after}: {tasks}")
    word = {"PENDING": "Waiting", "PAUSED": "Paused", "CANCELING": "Being canceled"}.get(run.state, "In no known state")
    return Verdict(word, f"{so_far}: {tasks}")


def _failure(run: Any, after: str, again: str) -> Verdict:
    if not run.blame:
        return Verdict("Failed", f"{after}; no recorded task failed", message=run.error)
    failed = run.blame[-1]
    if run.HasField("failed_after_seconds"):
        after = f"after {duration_words(run.failed_after_seconds)}{again}"
    where = [
        f"iteration {step.iteration} of {run.blame[number - 1].name if number else 'a loop'}"
        for number, step in enumerate(run.blame)
        if step.HasField("iteration")
    ]
    message = failed.message or run.error
    name = failed.name or "a task without a name"
    return Verdict("Failed", after, name, ", ".join(reversed(where)), message)


def _tasks(counts: dict[str, int], has_more: bool) -> str:
    total = sum(counts.values())
    if not total:
        return "no task was recorded"
    words = [f"more than {total} tasks" if has_more else "1 task" if total == 1 else f"{total} tasks"]
    if counts.get("CACHED"):
        words.append(f"{counts['CACHED']} from the cache")
    if counts.get("FAILED"):
        words.append(f"{counts['FAILED']} failed")
    return ", ".join(words)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
