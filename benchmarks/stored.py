"""What the measured calls read and write: runs, tasks and artifacts, created once per store through the API. See `operations`.

Every task and artifact has values of its own, as those of a real pipeline have, so that no cache by content knows one from another.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from lineal.v2beta1 import artifact_pb2, experiment_pb2, run_pb2

from benchmarks.calls import PACKAGE, SPEC, artifact, task

HIT = "f1" * 32
"""The fingerprint of a task that FindCachedTask finds."""

NAMESPACE = "bench"
WIDTH = 32
"""How many calls are in flight while a store is prepared."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a store has; less than by default if what is measured needs less."""

    tasks: int = 100
    """Tasks, and artifacts, of a run that is read as a whole."""
    page_runs: int = 10
    """Runs on a page of ListRuns."""
    large_run_tasks: int = 5_000
    small_runs: int = 200
    kfp_runs: int = 32
    kfp_tasks: int = 30
    """Tasks of a run in which KFP records a task: more than most pipelines have, fewer than the largest."""
    fresh_groups: int = 4
    """Experiments with a page of runs each that nothing has read; one for each call that is measured at first sight."""


@dataclass(frozen=True, slots=True)
class Run:
    """The ids of a run, its tasks and its artifacts, in the order in which they were created."""

    id: str
    task_ids: tuple[str, ...] = ()
    artifact_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """An experiment, and its page of runs."""

    experiment_id: str
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What `prepare` created."""

    read: Group
    """Never written to."""
    updated: Run
    extended: Run
    """Its tasks get further artifacts and links."""
    large: Run
    small: tuple[Run, ...]
    """Runs that are empty at first."""
    kfp: tuple[Run, ...]
    fresh: tuple[Group, ...]


class _Making:
    """Creates rows over one channel, with a number of its own for each."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._numbers = itertools.count(1)
        self._channel = channel

    async def _call(self, method: str, request: Any, answer: Any) -> Any:
        send = self._channel.unary_unary(PACKAGE + method, type(request).SerializeToString, answer.FromString)
        return await send(request, timeout=300)

    async def experiment(self) -> str:
        """Create an experiment."""
        new = experiment_pb2.Experiment(display_name=f"bench {next(self._numbers)}")
        request = experiment_pb2.CreateExperimentRequest(experiment=new)
        answer = await self._call("ExperimentService/CreateExperiment", request, experiment_pb2.Experiment)
        return str(answer.experiment_id)

    async def run(self, tasks: int, *, artifacts: bool, experiment_id: str = "") -> Run:
        """Create a run with tasks, each with an artifact if so chosen."""
        new = run_pb2.Run(display_name=f"bench {next(self._numbers)}", experiment_id=experiment_id)
        new.pipeline_spec.update(SPEC)  # as runs of pipelines have
        answer = await self._call("RunService/CreateRun", run_pb2.CreateRunRequest(run=new), run_pb2.Run)
        run_id = answer.run_id
        task_ids = tuple([await self.task(run_id) for _ in range(tasks)])
        artifact_ids = await self.artifacts(run_id, task_ids) if artifacts else ()
        return Run(run_id, task_ids, artifact_ids)

    async def task(self, run_id: str, **fields: Any) -> str:
        """Create a task."""
        request = run_pb2.CreateTaskRequest(run_id=run_id, task=numbered_task(next(self._numbers), **fields))
        return str((await self._call("RunService/CreateTask", request, run_pb2.PipelineTask)).task_id)

    async def artifacts(self, run_id: str, task_ids: Iterable[str]) -> tuple[str, ...]:
        """Create an artifact for each task."""
        requests = [artifact(run_id, task_id, next(self._numbers)) for task_id in task_ids]
        for request in requests:
            request.artifact.metadata["rows"].number_value = next(self._numbers) + 0.5
        bulk = artifact_pb2.CreateArtifactsBulkRequest(artifacts=requests)
        answer_type = artifact_pb2.CreateArtifactsBulkResponse
        answer = await self._call("ArtifactService/CreateArtifactsBulk", bulk, answer_type)
        return tuple(one.artifact_id for one in answer.artifacts)


def numbered_task(number: int, **fields: Any) -> run_pb2.PipelineTask:
    """Return a typical task whose name, pod and first parameter no task with another number has."""
    new = task(number, **fields)
    new.inputs.parameters[0].value.string_value = f"value {number}"
    return new


async def prepare(address: str, size: Size) -> Stored:
    """Create everything, several runs at a time."""
    async with grpc.aio.insecure_channel(address) as channel:
        making = _Making(channel)

        async def group() -> Group:
            experiment_id = await making.experiment()
            runs = [making.run(size.tasks, artifacts=True, experiment_id=experiment_id) for _ in range(size.page_runs)]
            return Group(experiment_id, tuple(await asyncio.gather(*runs)))

        async def several(count: int, tasks: int) -> tuple[Run, ...]:
            return tuple(await _in_turns(lambda: making.run(tasks, artifacts=tasks > 0), count))

        groups = [await group() for _ in range(1 + size.fresh_groups)]
        updated, extended = await several(2, size.tasks)
        large = await making.run(0, artifacts=False)
        large_task_ids = await _in_turns(lambda: making.task(large.id), size.large_run_tasks)
        await making.task(updated.id, state=2, cache_fingerprint=HIT)
        return Stored(
            read=groups[0],
            updated=updated,
            extended=extended,
            large=Run(large.id, tuple(large_task_ids[:1])),
            small=await several(size.small_runs, 0),
            kfp=await several(size.kfp_runs, size.kfp_tasks),
            fresh=tuple(groups[1:]),
        )


async def _in_turns(make: Callable[[], Awaitable[Any]], count: int) -> list[Any]:
    """Make so many, at most WIDTH at a time."""
    left, made = iter(range(count)), list[Any]()

    async def maker() -> None:
        for _ in left:
            made.append(await make())

    await asyncio.gather(*(maker() for _ in range(WIDTH)))
    return made
