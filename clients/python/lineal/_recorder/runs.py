"""Runs, as programs hold them. `lineal.run` makes them."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lineal._recorder import artifacts, current, elsewhere, nodes, signals, starting
from lineal._recorder.artifacts import LoggedArtifact, Uses
from lineal._recorder.connections import Connection
from lineal._recorder.locks import OfThisProcess
from lineal._recorder.record import Record
from lineal._recorder.starting import Wanted
from lineal._recorder.steps import decorate
from lineal._recorder.tasks import Loop, Task
from lineal._recording.counters import Counters, Rejection

if TYPE_CHECKING:
    from os import PathLike

Function = TypeVar("Function", bound=Callable[..., Any])
Item = TypeVar("Item")

log = logging.getLogger("lineal")


class Run(OfThisProcess):
    """A run, and its ROOT task. It begins when its `with` block is entered, and ends when that is left.

    It FAILED if an exception leaves the block or a task of it FAILED, otherwise it SUCCEEDED. What is logged on the run itself belongs
    to ROOT. Where a block is not possible, as in a notebook, call start() and end(). A run that is open when the program ends, or
    is terminated, is FAILED.

    `name` is its name. `joined` says whether it is a part of a run that another process has begun: a group below the task
    that this process was started in. Safe to use from several threads.
    """

    def __init__(self, connection: Connection, wanted: Wanted, *, join: bool) -> None:
        self.name, self.joined = wanted.name, False
        self._connection, self._wanted, self._may_join = connection, wanted, join
        self._record: Record | None = None
        self._root: Task | None = None
        self._token: current.CurrentTask | None = None
        self._process_id = 0
        self._is_over = False

    @property
    def id(self) -> str:
        """The server's id of the run. Raises RuntimeError before it has begun."""
        return self._begun().run_id

    @property
    def root(self) -> Task:
        """The task that all others of this process are in: ROOT, or the group of a process that joined the run."""
        self._begun()
        assert self._root is not None
        return self._root

    @property
    def counters(self) -> Counters:
        """What this process has recorded for the server so far, in numbers: all its runs with equal settings together."""
        return self._connection.recording.counters

    @property
    def rejections(self) -> list[Rejection]:
        """What the server has refused for good, of all runs that `counters` counts: the first thousand."""
        return self._connection.recording.rejected()

    def start(self) -> "Run":
        """Let the run begin, and return it; for where a `with` block is not possible. Raises RuntimeError the second time.

        Waits up to 10 seconds for the server, and records without it, with a warning, if there is none. Raises LinealError
        for what it refuses, and for a server that cannot take recordings.
        """
        if self._record is not None:
            raise RuntimeError(f"run {self.name!r} has already begun; make another one to do it again")
        place = current.environment.inherited() if self._may_join else None
        self.joined = place is not None
        if place is None:
            record, node, plan = starting.begin(self._connection, self._wanted)
        else:
            record, node, plan = starting.join(self._connection, self._wanted, place)
        record.root = node
        self._record, self._process_id = record, os.getpid()
        self._root = Task(self, node, plan).start()
        signals.watch()
        return self

    def end(self, error: BaseException | None = None) -> None:
        """Let the run end, FAILED if there is an error; for runs that were begun by start(). The second time, nothing happens.

        Waits up to `spool_seconds` until the server has everything; what it does not have then stays in the spool file.
        """
        if self._is_over:
            return
        record, root = self._begun(), self.root
        self._is_over = True
        for node in nodes.open_nodes(record):
            if node is not record.root:
                node.end(message=nodes.LEFT_BY_RUN)
        connection = record.connection
        deadline = time.monotonic() + connection.options.spool_seconds
        if connection.flush(deadline):
            connection.recording.send_of_children(deadline - time.monotonic())
            elsewhere.take_failures(record)
        root.end(error)
        signals.leave()
        if not connection.flush(deadline):
            log.warning(
                "the server at %s does not have all of run %r yet: the rest is in %s, and sent later, at the latest by `lineal sync`",
                connection.settings.server,
                self.name,
                connection.options.folder,
            )

    def __enter__(self) -> "Run":
        """Let the run begin, with its ROOT task as the current one."""
        self.start()
        self._token = current.enter(self.root)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the run end."""
        if self._token is not None:
            current.leave(self._token)
        # A process that was forked within the block leaves it, too. The run is its parent's.
        if self._process_id == os.getpid():
            self.end(error)

    def __repr__(self) -> str:
        """Return name and id."""
        return f"<lineal.Run {self.name!r} {self._record.run_id if self._record else 'not begun'}>"

    def task(
        self,
        name: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        uses: Uses | None = None,
        cache_key: str | None = None,
        version: str | None = None,
        display_name: str = "",
        iteration: int | None = None,
    ) -> Task:
        """Return a task of the run, which begins with its `with` block: in the current task of the run, or below ROOT.

        `inputs` are parameters; `uses` are artifacts: a list, or a mapping of names of inputs to artifacts, each a LoggedArtifact, an
        id, or a uri. A uri that was not logged in this run is imported. With `cache_key` or `version`, an equal task
        that succeeded before is looked for, and its outputs are taken over (`cached`). `iteration` is for tasks directly in a loop
        that is not iterated over. Raises TypeError and ValueError for what cannot be recorded.
        """
        return self._around().task(
            name,
            inputs=inputs,
            uses=uses,
            cache_key=cache_key,
            version=version,
            display_name=display_name,
            iteration=iteration,
        )

    def group(
        self,
        name: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        uses: Uses | None = None,
        display_name: str = "",
        iteration: int | None = None,
    ) -> Task:
        """Return a group of tasks. Its state is that of the tasks in it: FAILED if one is, CACHED if all are."""
        return self._around().group(name, inputs=inputs, uses=uses, display_name=display_name, iteration=iteration)

    def loop(
        self, name: str, items: Iterable[Item] = (), *, display_name: str = "", iteration: int | None = None
    ) -> Loop[Item]:
        """Return a loop: `for item in loop` yields the items, and tasks that begin meanwhile are of its iteration."""
        return self._around().loop(name, items, display_name=display_name, iteration=iteration)

    @overload
    def step(self, function: Function) -> Function: ...

    @overload
    def step(
        self, *, name: str | None = None, cache: bool = False, version: str | None = None, cache_key: str | None = None
    ) -> Callable[[Function], Function]: ...

    def step(
        self,
        function: Any = None,
        *,
        name: str | None = None,
        cache: bool = False,
        version: str | None = None,
        cache_key: str | None = None,
    ) -> Any:
        """Make a function a step of the run: `@run.step`, or `@run.step(cache=True, version="2")`. See lineal.step."""
        return decorate(self, function, name=name, cache=cache, version=version, cache_key=cache_key)

    def import_artifact(
        self,
        uri: str,
        name: str | None = None,
        *,
        type: str = "Artifact",
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> LoggedArtifact:
        """Record that the run takes an artifact from outside, by an importer, and return it for `uses=`.

        An equal artifact that exists is reused. Its name is the last part of the uri, if there is none given.
        """
        return artifacts.import_artifact(
            self._begun(), uri, name=name, type=type, metadata=metadata, description=description
        )

    def output(self, name: str, value: Any) -> None:
        """Record an output parameter of the run, as Task.output does."""
        self.root.output(name, value)

    def log_artifact(
        self,
        name: str,
        uri: str | None = None,
        *,
        type: str = "Artifact",
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> LoggedArtifact:
        """Record an artifact that the run made, as Task.log_artifact does."""
        return self.root.log_artifact(name, uri, type=type, metadata=metadata, description=description)

    def log_file(
        self,
        path: "str | PathLike[str]",
        name: str | None = None,
        *,
        type: str = "Artifact",
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> LoggedArtifact:
        """Record a file that the run made, as Task.log_file does."""
        return self.root.log_file(path, name, type=type, metadata=metadata, description=description)

    def log_metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Record a value of a metric of the run, as Task.log_metric does."""
        self.root.log_metric(name, value, step=step)

    def _begun(self) -> Record:
        if self._record is None:
            raise RuntimeError(f"run {self.name!r} has not begun: use it in a `with` statement, or call start()")
        return self._record

    def _around(self) -> Task:
        """Return the task that new ones are made in."""
        task = current.task()
        return task if task is not None and task.run is self else self.root
