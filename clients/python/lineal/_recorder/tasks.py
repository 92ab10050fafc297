"""Tasks and loops, as programs hold them. They are made by `Run.task`, `Task.task` and the like, and begin with their block."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeGuard, TypeVar

from lineal._recorder import artifacts, caching, current, failures, leftovers, values
from lineal._recorder.artifacts import LoggedArtifact, Use, Uses
from lineal._recorder.locks import OfThisProcess
from lineal._recorder.nodes import CACHED, DAG, FAILED, LOOP, RUNNING, RUNTIME, Node
from lineal._recorder.outputs import Outputs
from lineal._recorder.plans import LoopItem, Plan, loop_parameters, plan_of
from lineal._recorder.values import Plain
from lineal.errors import LinealError

if TYPE_CHECKING:
    from os import PathLike

    from lineal._recorder.runs import Run

AnyTask = TypeVar("AnyTask", bound="Task")
Item = TypeVar("Item")

ITEMS_RECORDED = 10_000
"""How many items of a loop are recorded as its inputs."""

_NOWHERE: Mapping[int, LoopItem] = {}

_positions: ContextVar[Mapping[int, LoopItem]] = ContextVar("lineal_positions", default=_NOWHERE)
"""What the loops are at that are iterated over, by identity. asyncio tasks keep the position at which they were made."""


class Task(OfThisProcess):
    """A task of a run: a step that does something, a group of further tasks, or a loop.

    It begins when its `with` block is entered and ends when that is left: SUCCEEDED, or FAILED with the exception's words if there is
    one, or if a task within it FAILED. Where a block is not possible, call start() and end(). A task within which others
    begin becomes a group. Nothing waits for the network, but the look-up of a cached task. Safe to use from several threads.

    `name` is its name and `run` its run. `cached` says whether it took its results from an equal task that succeeded before.
    """

    def __init__(self, run: "Run", node: Node, plan: Plan) -> None:
        self.name, self.run, self.cached = node.name, run, False
        self._node, self._plan, self._outputs = node, plan, Outputs(node)
        self.properties: dict[str, Plain] = {}  # kept with its end; the recorder's own
        self._fingerprint = ""
        self._token: current.CurrentTask | None = None
        self._is_over = False

    @property
    def id(self) -> str:
        """The server's id of the task, known before the server knows of the task. Raises RuntimeError before it has begun."""
        return self._node.begun_id()

    @property
    def iteration(self) -> int | None:
        """Which iteration of a loop the task belongs to, None outside of loops."""
        return self._node.iteration

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the task has made so far, or found in the cache, by name: values and LoggedArtifacts, but no metrics of its own."""
        return self._outputs.by_name

    def start(self: AnyTask) -> AnyTask:
        """Let the task begin, and return it; for where a `with` block is not possible. Raises RuntimeError the second time."""
        node, plan = self._node, self._plan
        if node.id:
            raise RuntimeError(f"task {self.name!r} has already begun; make another one to do it again")
        if node.parent is not None and not node.parent.id:
            raise RuntimeError(f"{node.parent.name!r}, which is around task {self.name!r}, has not begun")
        uses = artifacts.found(node.record, plan.uses)
        result = self._from_cache(uses) if plan.is_cached else None
        fields = plan.fields() | ({"cache_fingerprint": self._fingerprint} if self._fingerprint else {})
        if result is not None:
            fields["outputs"] = node.output_parameters(result.parameters)
        leftovers.watch_process()
        node.create(fields, state=CACHED if result else RUNNING)
        artifacts.link_inputs(node, uses)
        if result is not None:
            artifacts.link_outputs(node, result.artifacts)
        current.environment.publish(node.id, self.environment())
        return self

    def end(self, error: BaseException | None = None) -> None:
        """Let the task end, FAILED if there is an error; for tasks that were begun by start(). The second time, nothing happens."""
        if self._is_over:
            return
        self._is_over = True
        current.environment.withdraw(self.id)
        self._node.end(error, properties=self.properties)
        if self._fingerprint and self._node.state not in (FAILED, CACHED):
            self._node.record.connection.fingerprints.add(self._fingerprint)

    def fail(self, message: str) -> None:
        """Let the task end as FAILED with this message, without an exception; its block goes on."""
        self._node.fail(values.text(message, "message", required=True)[: failures.WORDS_CHARACTERS])

    def environment(self) -> dict[str, str]:
        """Return the variables by which a process records below this task.

        They are in os.environ while the task is the one that was begun last; give them to the subprocesses of concurrent tasks.
        """
        return self._node.record.variables | {current.TASK_ID: self.id}

    def __enter__(self: AnyTask) -> AnyTask:
        """Let the task begin, as the current one."""
        self.start()
        self._token = current.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the task end."""
        if self._token is not None:
            current.leave(self._token)
        # A process that was forked within the block leaves it, too. The task is its parent's.
        if self._node.process_id == os.getpid():
            self.end(error)

    def __repr__(self) -> str:
        """Return name and state."""
        return f"<lineal.{type(self).__name__} {self.name!r} {self._node.state or 'not begun'}>"

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
    ) -> "Task":
        """Return a task within this one, which begins with its `with` block.

        `inputs` are parameters; `uses` are artifacts: a list, or a mapping of names of inputs to artifacts, each a LoggedArtifact, an
        id, or a uri. With `cache_key` or `version`, an equal task that succeeded before is looked for, and its outputs are
        taken over (`cached`). `iteration` is for tasks directly in a loop that is not iterated over. Raises TypeError and ValueError
        for what cannot be recorded.
        """
        is_cached = cache_key is not None or version is not None
        iteration, item = self._place(name, iteration)
        plan = plan_of(
            inputs=inputs,
            uses=uses,
            display_name=display_name,
            item=item,
            is_cached=is_cached,
            cache_key=cache_key,
            version=version,
        )
        return Task(self.run, self._child(name, RUNTIME, iteration), plan)

    def group(
        self,
        name: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        uses: Uses | None = None,
        display_name: str = "",
        iteration: int | None = None,
    ) -> "Task":
        """Return a group of tasks within this one. Its state is that of the tasks in it: FAILED if one is, CACHED if all are."""
        iteration, item = self._place(name, iteration)
        plan = plan_of(inputs=inputs, uses=uses, display_name=display_name, item=item)
        return Task(self.run, self._child(name, DAG, iteration), plan)

    def loop(
        self, name: str, items: Iterable[Item] = (), *, display_name: str = "", iteration: int | None = None
    ) -> "Loop[Item]":
        """Return a loop within this one: `for item in loop` yields the items, and tasks that begin meanwhile are of its iteration."""
        iteration, _ = self._place(name, iteration)
        loop_items = items_of(name, items)
        plan = Plan(
            display_name=plan_of(display_name=display_name).display_name, parameters=loop_parameters(name, loop_items)
        )
        return Loop(self.run, self._child(name, LOOP, iteration), plan, items)

    def output(self, name: str, value: Any) -> None:
        """Record an output parameter: JSON, as plain Python or NumPy's scalars. It replaces one with the same name.

        Raises TypeError or ValueError for what has no form in JSON, NaN and infinities among them.
        """
        self._outputs.output(name, value)

    def log_artifact(
        self,
        name: str,
        uri: str | None = None,
        *,
        type: str = "Artifact",
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> LoggedArtifact:
        """Record an artifact that the task made, as an output of this name; the content stays where it is.

        `type` is Artifact, Model, Dataset, HTML, Markdown, ClassificationMetric or SlicedClassificationMetric.
        """
        return self._outputs.log_artifact(name, uri, type=type, metadata=metadata, description=description)

    def log_file(
        self,
        path: "str | PathLike[str]",
        name: str | None = None,
        *,
        type: str = "Artifact",
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> LoggedArtifact:
        """Record a file as an artifact, with `digest` ("sha256:…") and `size` in its metadata, and copy it if there is an artifact root.

        It is copied to ROOT/RUN ID/TASK ID/NAME, and the artifact's uri leads there; without a root, it leads to the file itself.
        Waits for the disk, or the store behind the root. Raises OSError for what is not a file, or cannot be copied.
        """
        return self._outputs.log_file(path, name, type=type, metadata=metadata, description=description)

    def log_metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Record a value of a metric, which may be NaN or infinite; without `step`, it is one more than that of the value before.

        All values of one name are one artifact of type Metric, whose number is the last finite one, or 0. Takes microseconds.
        """
        self._outputs.log_metric(name, value, step)

    def _child(self, name: str, type: str, iteration: int | None) -> Node:
        return Node(self._node.record, values.name(name, "name"), type, parent=self._node, iteration=iteration)

    def _place(self, name: str, iteration: int | None) -> tuple[int | None, LoopItem | None]:
        """Return the iteration that a task in this one belongs to, and the item of the loop if this is one."""
        if iteration is not None:
            raise ValueError(f"iteration: {self.name!r} is not a loop, so that task {name!r} has none of its own")
        return self._node.iteration, None

    def _from_cache(self, uses: list[Use]) -> caching.Result | None:
        plan = self._plan
        try:
            self._fingerprint = caching.fingerprint_of(
                self.name, version=plan.version, cache_key=plan.cache_key, inputs=plan.values, uses=uses
            )
        except LinealError:
            return None  # a used artifact has no id yet, and nothing else to compare it by
        task = caching.find(self._node.record, self._fingerprint)
        if task is None:
            return None
        result = caching.result_of(task, self._node)
        self.cached = True
        self._outputs.take_over(result.parameters, result.artifacts)
        self.properties.update(result.properties)
        return result


class Loop(Task, Generic[Item]):
    """A loop of a run: a group whose tasks each belong to an iteration.

    `for item in loop` yields its items, once; a task that is made in the loop meanwhile belongs to the item's iteration. Where
    iterations run in threads, or there are no items, tasks are made by `loop.task(…, iteration=number)`. A loop in which nothing
    began is SKIPPED.
    """

    def __init__(self, run: "Run", node: Node, plan: Plan, items: Iterable[Item]) -> None:
        super().__init__(run, node, plan)
        self._items = items
        self._is_iterated = False
        self._count = 0
        node.iteration_count = len(items) if isinstance(items, Sized) and len(items) else None

    def __iter__(self) -> Iterator[Item]:
        """Yield the items. Raises RuntimeError the second time, and before the loop has begun."""
        if self._is_iterated:
            raise RuntimeError(f"loop {self.name!r} was iterated over before; its iterations are recorded once")
        if not self._node.id:
            raise RuntimeError(f"loop {self.name!r} has not begun: use it in a `with` statement, or call start()")
        self._is_iterated = True
        return self._iterate()

    def end(self, error: BaseException | None = None) -> None:
        """Let the loop end, as Task.end does."""
        announced = self._node.iteration_count or 0
        if not self._is_over and (self._count > announced or self._node.iteration_count is None):
            self._node.set_iteration_count(max(self._count, announced))
        super().end(error)

    def _iterate(self) -> Iterator[Item]:
        try:
            for number, item in enumerate(self._items):
                self._count = max(self._count, number + 1)
                _positions.set({**_positions.get(), id(self): loop_item(self.name, number, item)})
                yield item
        finally:
            _positions.set({key: item for key, item in _positions.get().items() if key != id(self)})

    def _place(self, name: str, iteration: int | None) -> tuple[int | None, LoopItem | None]:
        if iteration is None:
            item = _positions.get().get(id(self))
            if item is None:
                raise ValueError(
                    f"iteration: task {name!r} is in loop {self.name!r}, which is not at an item here; "
                    "iterate over the loop, or say which iteration the task belongs to"
                )
            return item.iteration, item
        number = values.index(iteration, "iteration")
        self._count = max(self._count, number + 1)
        items = self._items
        if _are_indexed(items) and number < len(items):
            return number, loop_item(self.name, number, items[number])
        return number, None


def loop_item(loop: str, iteration: int, item: Any) -> LoopItem:
    """Return the item of an iteration, in plain JSON if it has that form."""
    try:
        return LoopItem(loop, iteration, values.plain(item, "item"), is_plain=True)
    except (TypeError, ValueError):
        return LoopItem(loop, iteration, None, is_plain=False)


def items_of(loop: str, items: Any) -> list[LoopItem]:
    """Return the first items of a loop; none where looking at them would use them up."""
    if not values.is_iterable(items):
        raise TypeError(f"items: must be iterable, not {type(items).__name__}")
    if not _are_indexed(items):
        return []
    return [loop_item(loop, number, items[number]) for number in range(min(len(items), ITEMS_RECORDED))]


def _are_indexed(items: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether items can be looked at: those of another object may be read from somewhere, or be used up."""
    return isinstance(items, list | tuple | range)
