"""Who may call what: each RPC and each route has one policy line. The server does not start if one is missing, so that nothing
is open by omission.

The lines are in the tables of the APIs, next to the handlers. The namespaces of a line cover every row that a request can reach
by id. A handler that takes ids which the line does not name checks that their rows belong to rows that it does name: tasks to
their run, parents to the run of the task.
"""

from collections.abc import Iterable
from typing import Protocol

from server.calls.namespaces import NO_NAMESPACE, Source
from storage.record import record


@record
class Rule:
    """A policy line: what a caller must be allowed to do, and in which namespaces; an open rule requires nothing."""

    resource: str
    verb: str
    namespace: Source
    open: bool = False


def open_to_everybody(resource: str, verb: str) -> Rule:
    """Return the line of an operation that everyone may call; its handler has no scope, and must not access rows."""
    return Rule(resource, verb, NO_NAMESPACE, open=True)


class Ruled(Protocol):
    """An RPC or a route, with or without a policy line."""

    @property
    def name(self) -> str:
        """The name in logs and metrics."""

    @property
    def rule(self) -> Rule | None:
        """The policy line."""


class MissingPolicy(Exception):
    """Something that is served has no policy line; the server must not start."""


def require_lines(served: Iterable[Ruled]) -> None:
    """Raise MissingPolicy unless each RPC and each route has a line."""
    names = sorted({operation.name for operation in served if operation.rule is None})
    if names:
        raise MissingPolicy(
            f"no policy line for {', '.join(names)}: define in the table of its API what a caller must be allowed to do"
        )
