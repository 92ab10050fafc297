"""The operations that are measured, by name, as the bytes that are sent: requests are serialized before the measurement begins.

`operations` says what is sent in turn; `fresh_requests` what is sent once, at the first sight of its rows. Client processes call both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lineal import methods
from lineal.v1 import lineage_pb2
from lineal.v2beta1 import artifact_pb2, run_pb2

from benchmarks.calls import artifact, task
from benchmarks.stored import HIT, NAMESPACE, Group, Run, Size, Stored, numbered_task

BULK = 50
PAGE = 50
REST = "/apis/v2beta1/"
POOL = 400
"""How many different requests a process sends in turn where each is to be another one."""

KFP_TASK = "one KFP task"
"""The name of what consists of several calls; see `kfp_task`."""

LARGE_RUN = "CreateTask, run of 5,000"
LIST_RUNS = ("ListRuns DEFAULT", "ListRuns FULL")

_PATHS = {method.name.partition(".")[2]: method.path for method in methods.METHODS}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the path of an RPC and its message, or the path of a REST resource."""

    path: str
    data: bytes = b""

    @property
    def is_rest(self) -> bool:
        """Whether it goes to the REST door."""
        return self.path.startswith(REST)


Make = Callable[[], Sequence[Request]]


def rpc(method: str, message: Any) -> Request:
    """Return a request to a method by its bare name."""
    return Request(_PATHS[method], message.SerializeToString())


def operations(stored: Stored, process: int) -> dict[str, Make]:
    """Return functions by the name of an operation that make the requests which this process sends in turn."""
    return _reads(stored, process) | _writes(stored, process)


def operation_names(only: str = "") -> list[str]:
    """Return the names of all operations that contain a text, in the order in which they are measured."""
    nothing = Run("")
    stored = Stored(Group("", (nothing,)), nothing, nothing, nothing, (), (), ())
    return [name for name in operations(stored, 0) if only in name]


def size_for(only: str, *, has_first_sight: bool, has_rates: bool) -> Size:
    """Return how much a store needs for the operations whose names contain a text."""
    names = operation_names(only)
    full = Size()
    return Size(
        page_runs=full.page_runs if has_first_sight or set(names) & set(LIST_RUNS) else 1,
        large_run_tasks=full.large_run_tasks if LARGE_RUN in names else 1,
        kfp_runs=full.kfp_runs if has_rates or KFP_TASK in names else 1,
        fresh_groups=full.fresh_groups if has_first_sight else 0,
    )


def reading(names: Sequence[str]) -> list[str]:
    """Return those that write nothing."""
    return [name for name in names if not name.startswith(("Create", "Update", KFP_TASK))]


def _reads(stored: Stored, process: int) -> dict[str, Make]:
    run = stored.read.runs[0]
    get_runs = (run_pb2.GetRunRequest(run_id=one.id) for one in stored.read.runs)
    misses = (
        run_pb2.FindCachedTaskRequest(cache_fingerprint=f"{process:032}{number:032}", namespace=NAMESPACE)
        for number in range(POOL)
    )
    hit = run_pb2.FindCachedTaskRequest(cache_fingerprint=HIT)
    lineage = (lineage_pb2.GetLineageRequest(start=[f"artifact/{id}"], hops=2) for id in run.artifact_ids)
    return {
        "GetTask": lambda: [rpc("GetTask", run_pb2.GetTaskRequest(run_id=run.id, task_id=id)) for id in run.task_ids],
        "FindCachedTask, miss": lambda: [rpc("FindCachedTask", miss) for miss in misses],
        "FindCachedTask, hit": lambda: [rpc("FindCachedTask", hit)],
        "GetRun": lambda: [rpc("GetRun", request) for request in get_runs],
        "GetRun FULL": lambda: [_full_run(run)],
        "ListTasks 100": lambda: [_tasks(run)],
        "REST ListTasks 100": lambda: [_rest_tasks(run)],
        "ListArtifacts 50": lambda: [rpc("ListArtifacts", artifact_pb2.ListArtifactRequest(page_size=PAGE))],
        LIST_RUNS[0]: lambda: [_runs(stored.read, full=False)],
        LIST_RUNS[1]: lambda: [_runs(stored.read, full=True)],
        "GetLineage": lambda: [rpc("GetLineage", request) for request in lineage],
    }


def _writes(stored: Stored, process: int) -> dict[str, Make]:
    large, updated, extended = stored.large, stored.updated, stored.extended

    def created_task(run: Run, number: int) -> Request:
        return rpc("CreateTask", run_pb2.CreateTaskRequest(run_id=run.id, task=numbered_task(number * 100 + process)))

    def update(number: int) -> Request:
        task_id = updated.task_ids[number % len(updated.task_ids)]
        new = task(number % len(updated.task_ids), state=1 + number // len(updated.task_ids) % 2)
        return rpc("UpdateTask", run_pb2.UpdateTaskRequest(run_id=updated.id, task_id=task_id, task=new))

    def update_bulk(number: int) -> Request:
        tasks = {task_id: task(number) for task_id in updated.task_ids[:BULK]}
        return rpc("UpdateTasksBulk", run_pb2.UpdateTasksBulkRequest(run_id=updated.id, tasks=tasks))

    def created_artifact(task_id: str, number: int) -> artifact_pb2.CreateArtifactRequest:
        # An artifact that a task put out under the same key before would be found, and not created.
        request = artifact(extended.id, task_id, number)
        request.producer_key = f"out-{process}-{number}"
        return request

    def create_artifact(number: int) -> Request:
        return rpc("CreateArtifact", created_artifact(extended.task_ids[number % len(extended.task_ids)], number))

    def create_bulk(number: int) -> Request:
        requests = [created_artifact(task_id, -1 - number) for task_id in extended.task_ids[:BULK]]
        return rpc("CreateArtifactsBulk", artifact_pb2.CreateArtifactsBulkRequest(artifacts=requests))

    return {
        "CreateTask": lambda: [created_task(stored.small[n % len(stored.small)], n) for n in range(10 * POOL)],
        LARGE_RUN: lambda: [created_task(large, n) for n in range(10 * POOL)],
        "UpdateTask": lambda: [update(n) for n in range(2 * len(updated.task_ids))],
        "UpdateTasksBulk 50": lambda: [update_bulk(n) for n in range(2)],
        "CreateArtifact": lambda: [create_artifact(n) for n in range(10 * POOL)],
        "CreateArtifactsBulk 50": lambda: [create_bulk(n) for n in range(POOL)],
        "CreateArtifactTasksBulk 50": lambda: [_links(extended, process, n) for n in range(4 * POOL)],
        KFP_TASK: list,
    }


def fresh_requests(stored: Stored) -> dict[str, list[Request]]:
    """Return by operation the requests whose rows no other one of them reads."""
    operations = ("ListTasks 100", "GetRun FULL", "REST ListTasks 100", "ListRuns FULL")
    makers = (_tasks, _full_run, _rest_tasks)
    requests = {
        name: [make(run) for run in group.runs]
        for name, make, group in zip(operations[:-1], makers, stored.fresh[:-1], strict=True)
    }
    return requests | {operations[-1]: [_runs(stored.fresh[-1], full=True)]}


def _links(run: Run, process: int, number: int) -> Request:
    """Link artifacts to tasks under a key that was not used before: an equal link would not be created again."""
    bulk = artifact_pb2.CreateArtifactTasksBulkRequest()
    # Reversed, so that no task takes its own.
    for task_id, artifact_id in zip(run.task_ids[:BULK], reversed(run.artifact_ids), strict=False):
        link = bulk.artifact_tasks.add(artifact_id=artifact_id, run_id=run.id, task_id=task_id, type=2)
        link.key = f"in-{process}-{number}"
        link.producer.task_name = "t1"
    return rpc("CreateArtifactTasksBulk", bulk)


def _full_run(run: Run) -> Request:
    return rpc("GetRun", run_pb2.GetRunRequest(run_id=run.id, view=1))


def _tasks(run: Run) -> Request:
    return rpc("ListTasks", run_pb2.ListTasksRequest(run_id=run.id, page_size=len(run.task_ids)))


def _rest_tasks(run: Run) -> Request:
    return Request(f"{REST}runs/{run.id}/tasks?page_size={len(run.task_ids)}")


def _runs(group: Group, *, full: bool) -> Request:
    request = run_pb2.ListRunsRequest(experiment_id=group.experiment_id, page_size=len(group.runs))
    if full:
        request.view = 1
    return rpc("ListRuns", request)
