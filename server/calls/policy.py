"""Who may call what: each RPC and each route has one policy line. One without a line stops the start, so that nothing is open
by omission.

The lines stand in the tables of the APIs, next to the handlers. What a line says of the namespace covers every row that the
handler lets the request reach by id. A handler that takes ids which the line does not name checks that their rows belong to
those that it does: tasks to their run, parents to the run of the task.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from server.calls.namespaces import NO_NAMESPACE, Source


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy line: what a caller must be allowed to do, and in which namespaces; an open rule asks nothing."""

    resource: str
    verb: str
    namespace: Source
    open: bool = False


def open_to_everybody(resource: str, verb: str) -> Rule:
    """Return the line of what everybody may do; its handler has no scope, and must not touch rows."""
    return Rule(resource, verb, NO_NAMESPACE, open=True)


class Ruled(Protocol):
    """What has a policy line, or lacks it."""

    @property
    def name(self) -> str:
        """What logs and figures show."""

    @property
    def rule(self) -> Rule | None:
        """The policy line."""


class MissingPolicy(Exception):
    """Something that is served has no policy line; the server must not start."""


def require_lines(served: Iterable[Ruled]) -> None:
    """Raise MissingPolicy unless each RPC and each route has a line."""
    names = sorted({one.name for one in served if one.rule is None})
    if names:
        raise MissingPolicy(
            f"no policy line for {', '.join(names)}: say in the table of its API what a caller must be allowed to do"
        )
