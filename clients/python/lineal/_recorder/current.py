"""Which task is the current one, and how subprocesses come to know of it.

The current task is that of the innermost `with` in this context: an asyncio task inherits it, a new thread has none. While a run is
open, LINEAL_RUN_ID and LINEAL_TASK_ID are set for subprocesses, next to what they need to reach the same server.
"""

import os
import threading
from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, NamedTuple

from lineal.settings import Settings, variable_of

if TYPE_CHECKING:
    from lineal._recorder.tasks import Task

RUN_ID, TASK_ID, ARTIFACT_ROOT = "LINEAL_RUN_ID", "LINEAL_TASK_ID", "LINEAL_ARTIFACT_ROOT"

_PUBLISHED_SETTINGS = ("server", "tls", "ca_file", "cert_file", "key_file")
"""No token: the environment of a process can be read by others of its user."""

_current: "ContextVar[Task | None]" = ContextVar("lineal_task", default=None)

CurrentTask = Token["Task | None"]


def task() -> "Task | None":
    """Return the current task."""
    return _current.get()


def enter(task: "Task") -> "CurrentTask":
    """Make a task the current one; what is returned is to be given to `leave`."""
    return _current.set(task)


def leave(token: "CurrentTask") -> None:
    """Make the task current again that was so before."""
    try:
        _current.reset(token)
    except ValueError:
        # Left in another context than entered, as fixtures and generators that are closed elsewhere do.
        _current.set(None if token.old_value is Token.MISSING else token.old_value)


class Place(NamedTuple):
    """Where in a run a process records."""

    run_id: str
    task_id: str


class Environment:
    """What is in os.environ for subprocesses. Of several open tasks, it is the one that was begun last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._open: dict[str, dict[str, str]] = {}
        self._before: dict[str, str | None] = {}
        self._now: dict[str, str] = {}

    def inherited(self) -> Place | None:
        """Return the place that the process was started with; None if it is not part of another process's run."""
        with self._lock:
            run_id, task_id = (
                (self._before[name] if name in self._before else os.environ.get(name)) or ""
                for name in (RUN_ID, TASK_ID)
            )
        return Place(run_id, task_id) if run_id else None

    def publish(self, task_id: str, variables: Mapping[str, str]) -> None:
        """Set the variables of a task that begins."""
        with self._lock:
            self._open[task_id] = dict(variables)
            self._set(variables)

    def withdraw(self, task_id: str) -> None:
        """Set the variables of the task that was begun before it and is still open; without one, what was set in the beginning."""
        with self._lock:
            if self._open.pop(task_id, None) is None:
                return
            if self._open:
                self._set(next(reversed(self._open.values())))
                return
            for name, value in self._before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            self._before, self._now = {}, {}

    def _set(self, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            if self._now.get(name) == value:
                continue
            if name not in self._before:
                self._before[name] = os.environ.get(name)
            os.environ[name] = self._now[name] = value

    def begin_anew_after_fork(self) -> None:
        """Forget what the parent process has open: its variables are what this process inherits."""
        self._lock = threading.Lock()
        self._begin()


environment = Environment()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=environment.begin_anew_after_fork)


def variables_of(run_id: str, settings: Settings, artifact_root: str) -> dict[str, str]:
    """Return what a subprocess needs to record in a run."""
    variables = {RUN_ID: run_id}
    for name in _PUBLISHED_SETTINGS:
        value = getattr(settings, name)
        if value not in (None, ""):
            variables[variable_of(name)] = str(value).lower() if isinstance(value, bool) else value
    if artifact_root:
        variables[ARTIFACT_ROOT] = artifact_root
    return variables


def artifact_root(given: "str | os.PathLike[str] | None") -> str:
    """Return where files are copied to: as it was given, else as the environment says."""
    if given is None:
        return os.environ.get(ARTIFACT_ROOT, "")
    if not isinstance(given, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"artifact_root: must be text or a path, not {type(given).__name__}")
    return os.fspath(given)
