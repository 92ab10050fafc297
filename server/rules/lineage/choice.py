"""Which of an artifact's links a walk follows: tasks that group others, cached tasks, importers."""

from collections.abc import Iterable, Sequence

from storage.lineage import DOERS, LineageLink
from storage.model import TaskState, TaskType


def is_doer(link: LineageLink) -> bool:
    """Return whether the task of a link does something itself."""
    return link.task_type in DOERS


def is_cached(link: LineageLink) -> bool:
    """Return whether the task of a link took its results from the cache."""
    return link.task_state == TaskState.CACHED


def is_maker(link: LineageLink) -> bool:
    """Return whether a link says who made an artifact: no group, no importer, and no task that found it in the cache."""
    return link.is_output and is_doer(link) and link.task_type != TaskType.IMPORTER and not is_cached(link)


def makers(links: Sequence[LineageLink], *, cached: bool) -> Sequence[LineageLink]:
    """Return those links to an artifact's producers that lead upstream.

    Groups stand in where there is no doer, importers where there is no other task, cached tasks where there is nothing else.
    """
    chosen = _or_all(filter(is_doer, links), links)
    chosen = _or_all((link for link in chosen if link.task_type != TaskType.IMPORTER), chosen)
    return chosen if cached else _or_all((link for link in chosen if not is_cached(link)), chosen)


def users(links: Sequence[LineageLink]) -> Sequence[LineageLink]:
    """Return those links to an artifact's consumers that lead downstream: groups stand in where there is no doer."""
    return _or_all(filter(is_doer, links), links)


def _or_all(preferred: Iterable[LineageLink], links: Sequence[LineageLink]) -> Sequence[LineageLink]:
    return list(preferred) or links
