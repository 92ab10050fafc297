"""One batch: changes in the order in which they were recorded become calls in the order in which they are sent.

The order is: runs, tasks (parents before their children), artifacts, links, series of tasks that end, updates of tasks. A task that
is created and finished in one batch is one call; links that were recorded before are left out.
"""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from lineal._recording.keys import id_of, new_key
from lineal._recording.lines import SERIES, Call, Points
from lineal._recording.merging import FINISHED, Merged
from lineal._recording.metrics import fill
from lineal._recording.refs import ArtifactRef
from lineal.series import Series
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2

REQUEST_BYTES = 2 * 1024 * 1024
"""Bulk calls are not made larger than this, so that none exceeds a limit of the server that its items do not."""

CREATE_RUN = "RunService.CreateRun"
CREATE_TASK = "RunService.CreateTask"
UPDATE_TASKS = "RunService.UpdateTasksBulk"
CREATE_ARTIFACT = "ArtifactService.CreateArtifact"
CREATE_ARTIFACTS = "ArtifactService.CreateArtifactsBulk"
CREATE_LINKS = "ArtifactService.CreateArtifactTasksBulk"


class KnownLinks:
    """The links that were recorded last, by their whole identity; older ones are forgotten, and the server ignores them."""

    LINKS_MAX = 20_000

    def __init__(self) -> None:
        self._links: OrderedDict[Hashable, None] = OrderedDict()

    def add(self, identity: Hashable) -> bool:
        """Remember a link; return whether it is a new one."""
        if identity in self._links:
            self._links.move_to_end(identity)
            return False
        self._links[identity] = None
        if len(self._links) > self.LINKS_MAX:
            self._links.popitem(last=False)
        return True


@dataclass
class _NewTask:
    key: str
    request: task_pb2.CreateTaskRequest
    level: int
    merged: Merged
    changes: int = 1


@dataclass
class _Update:
    run_id: str
    merged: Merged
    changes: int = 0


@dataclass
class _NewArtifact:
    ref: ArtifactRef
    request: artifact_pb2.CreateArtifactRequest
    series: Series | None = None


@dataclass
class _Logged:
    ref: ArtifactRef
    first: int
    steps: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


class Batch:
    """Takes changes, then makes entries of them. `number` grows from batch to batch; `numbers` gives calls theirs."""

    def __init__(self, number: int, numbers: Callable[[], int], links: KnownLinks, *, bulk_items: int) -> None:
        self.number, self._numbers, self._known_links, self._bulk_items = number, numbers, links, bulk_items
        self._runs: list[tuple[str, run_pb2.CreateRunRequest]] = []
        self._tasks: dict[str, _NewTask] = {}
        self._updates: dict[str, _Update] = {}
        self._artifacts: dict[int, _NewArtifact] = {}
        self._links: list[tuple[artifact_pb2.ArtifactTask, ArtifactRef | None]] = []
        self._logged: dict[int, _Logged] = {}
        self._busy_tasks: set[str] = set()
        self.repeated_links = 0

    def add_run(self, key: str, request: run_pb2.CreateRunRequest) -> None:
        """Take a new run."""
        self._runs.append((key, request))

    def add_task(self, key: str, request: task_pb2.CreateTaskRequest) -> None:
        """Take a new task."""
        parent = self._tasks.get(request.task.parent_task_id)
        self._tasks[id_of(key)] = _NewTask(
            key, request, 1 if parent is None else parent.level + 1, Merged(request.task)
        )

    def add_update(self, run_id: str, task_id: str, task: task_pb2.PipelineTask, at: float) -> None:
        """Take an update of a task. `at` is when it was recorded."""
        new, update = self._tasks.get(task_id), self._updates.get(task_id)
        if new is not None and update is None and self._may_join(new, task_id, task):
            new.merged.update_new(task, at)
            new.changes += 1
            return
        if update is None:
            update = self._updates[task_id] = _Update(run_id, Merged(task_pb2.PipelineTask()))
        update.merged.update(task)
        update.changes += 1

    def add_artifact(self, ref: ArtifactRef, request: artifact_pb2.CreateArtifactRequest) -> None:
        """Take a new artifact."""
        self._artifacts[ref.number] = _NewArtifact(ref, request)
        self._busy_tasks.add(request.task_id)

    def add_link(self, link: artifact_pb2.ArtifactTask, ref: ArtifactRef | None) -> None:
        """Take a link; that of an artifact without an id is given with its ref."""
        if ref is not None and ref.known_id is not None:
            link.artifact_id, ref = ref.known_id, None
        target = link.artifact_id if ref is None else ref.number
        if self._known_links.add((target, link.SerializeToString(deterministic=True))):
            self._links.append((link, ref))
            self._busy_tasks.add(link.task_id)
        else:
            self.repeated_links += 1

    def add_point(self, ref: ArtifactRef, step: int | None, at: float, value: float) -> None:
        """Take a value of a metric."""
        logged = self._logged.get(ref.number)
        if logged is None:
            logged = self._logged[ref.number] = _Logged(ref, ref.points)
            self._busy_tasks.add(ref.task_id)
        if step is None:
            step = ref.last_step + 1
        ref.last_step = step
        ref.points += 1
        logged.steps.append(step)
        logged.times.append(at)
        logged.values.append(value)

    def entries(self, ended: Callable[[str], Iterable[ArtifactRef]]) -> list[Call | Points]:
        """Return what is to be sent, in order. `ended` returns the metrics of a task that ends, which are then complete."""
        level = 1 + max((task.level for task in self._tasks.values()), default=0)
        artifacts = list(self._artifact_calls(level))
        entries: list[Call | Points] = list(self._points())
        entries += (self._call(CREATE_RUN, key, 0, request) for key, request in self._runs)
        tasks = sorted(self._tasks.values(), key=lambda task: task.level)
        entries += (self._call(CREATE_TASK, task.key, task.level, task.request, task.changes) for task in tasks)
        entries += artifacts
        entries += self._link_calls(level + 2)
        entries += self._series_calls(level + 3, ended)
        entries += self._update_calls(level + 4)
        return entries

    def _may_join(self, new: _NewTask, task_id: str, update: task_pb2.PipelineTask) -> bool:
        """Return whether an update may become part of the call that creates the task.

        Not the end of a task with outputs: whoever sees it finished, such as a cache, must find them. Nor that of the ROOT task, with
        which the run ends, nor what moves the task below another one, that may be created after it.
        """
        if update.HasField("parent_task_id") and update.parent_task_id != new.request.task.parent_task_id:
            return False
        is_root = task_pb2.PipelineTask.ROOT in (update.type, new.request.task.type)
        return update.state not in FINISHED or not (is_root or task_id in self._busy_tasks)

    def _points(self) -> Iterator[Points]:
        for number, logged in self._logged.items():
            yield Points(
                number, logged.first, self.number, logged.ref.expected_id, logged.steps, logged.times, logged.values
            )

    def _artifact_calls(self, level: int) -> Iterator[Call]:
        for number, logged in self._logged.items():
            new = self._artifacts.get(number)
            if new is not None and not new.request.reuse_if_exists:
                new.series = Series()
                new.series.extend(logged.steps, logged.times, logged.values)
                fill(new.request.artifact, new.series)
        bulks: dict[str, list[_NewArtifact]] = {}
        for new in self._artifacts.values():
            if new.request.reuse_if_exists:
                yield self._artifact_call(CREATE_ARTIFACT, level, new.request, [new])
            else:
                bulks.setdefault(new.request.artifact.namespace, []).append(new)
        for news in bulks.values():
            for chunk in self._chunks(news, lambda new: new.request):
                request = artifact_pb2.CreateArtifactsBulkRequest(artifacts=[new.request for new in chunk])
                yield self._artifact_call(CREATE_ARTIFACTS, level + 1, request, chunk)

    def _artifact_call(self, name: str, level: int, request: Message, news: list[_NewArtifact]) -> Call:
        key = new_key()
        for position, new in enumerate(news):
            new.ref.expected_id = id_of(key, position)
        carries = tuple(0 if new.series is None or new.series.last_finite is None else new.series.count for new in news)
        refs = tuple(new.ref.number for new in news)
        return self._call(name, key, level, request, len(news), refs=refs, carries=carries)

    def _link_calls(self, level: int) -> Iterator[Call]:
        by_run: dict[str, list[tuple[artifact_pb2.ArtifactTask, ArtifactRef | None]]] = {}
        for link in self._links:
            by_run.setdefault(link[0].run_id, []).append(link)
        for links in by_run.values():
            for chunk in self._chunks(links, lambda pair: pair[0]):
                request = artifact_pb2.CreateArtifactTasksBulkRequest(artifact_tasks=[link for link, _ in chunk])
                unknown = {
                    place: (ref.number, ref.expected_id) for place, (_, ref) in enumerate(chunk) if ref is not None
                }
                yield self._call(CREATE_LINKS, new_key(), level, request, len(chunk), links=unknown)

    def _series_calls(self, level: int, ended: Callable[[str], Iterable[ArtifactRef]]) -> Iterator[Call]:
        ending = [task_id for task_id, update in self._updates.items() if update.merged.task.state in FINISHED]
        ending += [task_id for task_id, new in self._tasks.items() if new.request.task.state in FINISHED]
        refs = tuple(ref.number for task_id in ending for ref in ended(task_id))
        if refs:
            yield Call(self._numbers(), SERIES, new_key(), self.number, level, b"", 0, refs=refs)

    def _update_calls(self, level: int) -> Iterator[Call]:
        by_run: dict[str, list[tuple[str, _Update]]] = {}
        for task_id, update in self._updates.items():
            by_run.setdefault(update.run_id, []).append((task_id, update))
        for run_id, updates in by_run.items():
            for chunk in self._chunks(updates, lambda pair: pair[1].merged.task):
                # The answer is not read, and would have all artifacts of the tasks with their series.
                request = task_pb2.UpdateTasksBulkRequest(run_id=run_id, task_view=task_pb2.PipelineTask.BASIC)
                for task_id, update in chunk:
                    request.tasks[task_id].CopyFrom(update.merged.task)
                changes = sum(update.changes for _, update in chunk)
                yield self._call(UPDATE_TASKS, new_key(), level, request, changes)

    def _call(
        self,
        name: str,
        key: str,
        level: int,
        request: Message,
        changes: int = 1,
        *,
        refs: tuple[int, ...] = (),
        carries: tuple[int, ...] = (),
        links: Mapping[int, tuple[int, str]] | None = None,
    ) -> Call:
        data = request.SerializeToString(deterministic=True)
        return Call(self._numbers(), name, key, self.number, level, data, changes, refs, carries, links or {})

    def _chunks(self, items: Iterable[Any], message: Callable[[Any], Message]) -> Iterator[list[Any]]:
        chunk: list[Any] = []
        size = 0
        for item in items:
            item_size = message(item).ByteSize()
            if chunk and (len(chunk) >= self._bulk_items or size + item_size > REQUEST_BYTES):
                yield chunk
                chunk, size = [], 0
            chunk.append(item)
            size += item_size
        if chunk:
            yield chunk
