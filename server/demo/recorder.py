"""Records the demo's runs by calling the handlers of the API, with a clock that says when each call would have been made."""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from lineal.v2beta1 import artifact_pb2, experiment_pb2, pipeline_pb2, run_pb2

from server.calls.http_calls import HttpCall
from server.demo.parts import Output, Pipeline, Run, Step, Value
from server.demo.pipelines import NIGHT_HOURS
from server.demo.specs import spec_of
from server.well_known.values import set_value, set_values

Ask = Callable[[str, Any], Awaitable[Any]]
"""Answers a request by the method or route of a name, as `RunService.CreateRun`."""

MICROSECONDS = 1_000_000
START_SECONDS = 2.5
"""How long a pod takes to start."""

_NAMES = uuid.UUID("a6f2c1de-5d0e-4f5b-9b52-3a8e6f0c7d11")
_Task: Any = run_pb2.PipelineTask  # takes enums by name, which its stub does not know
_Ids = dict[str, list[str]]


class Clock:
    """A clock that is set: its time is microseconds UTC."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        """Return its time."""
        return self.time

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass."""
        self.time += round(seconds * MICROSECONDS)


class Recorder:
    """Writes pipelines and runs. `end` is the moment before which everything happened, in microseconds UTC."""

    def __init__(self, ask: Ask, clock: Clock, end: int) -> None:
        self._ask, self._clock, self._end = ask, clock, end
        self._experiments: dict[str, str] = {}
        self._versions: dict[tuple[str, int], tuple[str, str]] = {}

    async def record_version(self, pipeline: Pipeline, number: int) -> None:
        """Upload a version of a pipeline, counted from 1, at its time; with the first, the pipeline and its experiment."""
        hours, change = pipeline.versions[number - 1]
        self._set(hours)
        if number == 1:
            request = experiment_pb2.CreateExperimentRequest()
            request.experiment.display_name, request.experiment.description = pipeline.experiment, pipeline.description
            made = await self._ask("ExperimentService.CreateExperiment", request)
            self._experiments[pipeline.name] = made.experiment_id
            query = {"name": pipeline.name, "description": pipeline.description}
        else:
            pipeline_id, _ = self._versions[pipeline.name, 1]
            query = {"pipelineid": pipeline_id, "name": f"v{number}", "description": change}
        answer = await self._upload(query, spec_of(pipeline, number), is_first=number == 1)
        pipeline_id = answer.pipeline_id
        version_id = await self._newest_version(pipeline_id)
        self._versions[pipeline.name, number] = pipeline_id, version_id
        if number == 1:
            # An upload names a pipeline's first version as the pipeline.
            version = pipeline_pb2.PipelineVersion(
                pipeline_id=pipeline_id, pipeline_version_id=version_id, display_name="v1"
            )
            update = pipeline_pb2.UpdatePipelineVersionRequest(pipeline_version=version)
            await self._ask("PipelineService.UpdatePipelineVersion", update)

    async def record_run(self, run: Run) -> None:
        """Record a run from its beginning to its end, if it has one."""
        self._set(run.hours_ago)
        pipeline_id, version_id = self._versions[run.pipeline.name, run.version]
        values = {**run.pipeline.parameters, **run.parameters}
        request = run_pb2.CreateRunRequest()
        request.run.display_name = run.name
        request.run.experiment_id = self._experiments[run.pipeline.name]
        request.run.pipeline_version_reference.pipeline_id = pipeline_id
        request.run.pipeline_version_reference.pipeline_version_id = version_id
        set_values(request.run.runtime_config.parameters, values)
        run_id = (await self._ask("RunService.CreateRun", request)).run_id
        await _RunRecorder(self._ask, self._clock, run, run_id, values).record()
        if run.is_archived:
            self._set(0.0)
            await self._ask("RunService.ArchiveRun", run_pb2.ArchiveRunRequest(run_id=run_id))

    def _set(self, hours_ago: float) -> None:
        self._clock.time = self._end - round(hours_ago * 3600 * MICROSECONDS)

    async def _upload(self, query: Mapping[str, str], spec: Mapping[str, Any], *, is_first: bool) -> Any:
        route = "Upload.UploadPipeline" if is_first else "Upload.UploadPipelineVersion"
        body = json.dumps(spec).encode()
        upload = HttpCall(query={key: [text] for key, text in query.items()}, body=body, file_name="pipeline.json")
        return await self._ask(route, upload)

    async def _newest_version(self, pipeline_id: str) -> str:
        request = pipeline_pb2.ListPipelineVersionsRequest(
            pipeline_id=pipeline_id, sort_by="created_at desc", page_size=1, skip_total_size=True
        )
        listed = await self._ask("PipelineService.ListPipelineVersions", request)
        return str(listed.pipeline_versions[0].pipeline_version_id)


class _Stopped(Exception):
    """The run goes no further than this task: it failed, it was canceled, or it is still running."""


class _RunRecorder:
    """Writes one run: `made` has the ids of artifacts by STEP.KEY, several from a loop."""

    def __init__(self, ask: Ask, clock: Clock, run: Run, run_id: str, values: Mapping[str, Value]) -> None:
        self._ask, self._clock, self._run, self._run_id, self._values = ask, clock, run, run_id, values
        self._made: _Ids = {}
        self._links: list[artifact_pb2.ArtifactTask] = []
        self._running: list[tuple[str, str]] = []

    async def record(self) -> None:
        """Write the run's tasks and what they took and made."""
        self._clock.pass_by(START_SECONDS)
        root = await self._create(self._task("ROOT", "ROOT", "root", "RUNNING"))
        try:
            await self._all(self._run.pipeline.of(self._run.version), root, "root")
        except _Stopped:
            await self._stop(root)
        else:
            await self._end(root, "SUCCEEDED")
        if self._links:
            request = artifact_pb2.CreateArtifactTasksBulkRequest(artifact_tasks=self._links)
            await self._ask("ArtifactService.CreateArtifactTasksBulk", request)

    async def _stop(self, root: str) -> None:
        run = self._run
        if run.failure:
            while self._running:
                await self._end(self._running.pop()[0], "FAILED")
            await self._end(root, "FAILED")
        elif run.is_canceled:
            await self._ask("RunService.TerminateRun", run_pb2.TerminateRunRequest(run_id=self._run_id))
            self._clock.pass_by(8)
            while self._running:
                await self._end(self._running.pop()[0], "FAILED", message="the run was canceled")

    async def _all(self, steps: Sequence[Step], parent: str, scope: str, iteration: int | None = None) -> None:
        for step in steps:
            inside = f"{scope}.{step.name}"
            if step.steps:
                await self._group(step, parent, inside)
            else:
                await self._step(step, parent, inside, iteration)

    async def _group(self, step: Step, parent: str, scope: str) -> None:
        if self._run.skipped and step.type == "CONDITION_BRANCH":
            await self._create(self._task(step.name, step.type, scope, "SKIPPED", parent=parent))
            return
        task = self._task(step.name, step.type, scope, "RUNNING", parent=parent)
        values: Sequence[float] = step.over[1] if step.over else ()
        if values:
            task.type_attributes.iteration_count = len(values)
        group = await self._create(task)
        self._running.append((group, step.name))
        for iteration in range(len(values)) if values else (None,):
            await self._all(step.steps, group, scope, iteration)
        self._running.pop()
        await self._end(group, "SUCCEEDED")

    async def _step(self, step: Step, parent: str, scope: str, iteration: int | None) -> None:
        run = self._run
        is_cached = step.name in run.cached
        state = "CACHED" if is_cached else "RUNNING"
        task = self._task(step.name, step.type, scope, state, parent=parent, iteration=iteration)
        self._add_inputs(task, step, iteration)
        self._add_pod(task, step, iteration)
        if is_cached:
            _parameters(task.outputs, self._numbers(step.results, iteration), "OUTPUT")
        task_id = await self._create(task)
        self._link_inputs(task_id, step)
        is_last = step.name == run.stops_at and iteration in (None, 1)
        failure = run.failure if run.failure and run.failure.step == step.name else None
        if is_last or is_cached:
            if is_last:
                self._running.append((task_id, step.name))
                self._clock.pass_by(step.seconds * 0.6 if run.is_canceled else 0)
                raise _Stopped
            await self._make(step, task_id, iteration, is_cached=True)
            return
        fails = failure is not None and failure.iteration == iteration
        self._clock.pass_by(step.seconds * run.slowness * (0.4 if fails else 1.0))
        if failure is not None and fails:
            await self._end(task_id, "FAILED", message=failure.message)
            raise _Stopped
        await self._make(step, task_id, iteration)
        await self._end(task_id, "SUCCEEDED", results=self._numbers(step.results, iteration))

    def _task(
        self, name: str, type: str, scope: str, state: str, *, parent: str | None = None, iteration: int | None = None
    ) -> Any:
        task = _Task(name=name, display_name=name, type=type, scope_path=scope, state=state, parent_task_id=parent)
        if iteration is not None:
            task.type_attributes.iteration_index = iteration
        if name == "ROOT":
            task.display_name = self._run.name
            _parameters(task.inputs, self._values, "RUNTIME_VALUE_INPUT")
        return task

    def _add_inputs(self, task: Any, step: Step, iteration: int | None) -> None:
        _parameters(task.inputs, {name: self._values[name] for name in step.parameters}, "COMPONENT_INPUT")
        for name, source in step.passed.items():
            maker, _, result = source.partition(".")
            _parameters(task.inputs, {name: self._run.values[result]}, "TASK_OUTPUT_INPUT", maker)
        loop = next((each for each in self._run.pipeline.steps if each.over and step in each.steps), None)
        if loop is not None and loop.over is not None and iteration is not None:
            name, values = loop.over
            _parameters(task.inputs, {name: values[iteration]}, "ITERATOR_INPUT")

    def _add_pod(self, task: Any, step: Step, iteration: int | None) -> None:
        if step.type != "RUNTIME":
            return
        task.cache_fingerprint = self._fingerprint(step, iteration)
        if step.name not in self._run.cached:
            uid = uuid.uuid5(_NAMES, f"{self._run.name} {step.name} {iteration}")
            task.pods.add(name=f"{self._run.pipeline.name}-{uid.hex[:5]}-{step.name}", uid=str(uid), type="EXECUTOR")

    def _fingerprint(self, step: Step, iteration: int | None) -> str:
        """Return what two tasks have in common that had the same inputs: those of the same night."""
        night = (self._run.hours_ago - NIGHT_HOURS) // 24
        return uuid.uuid5(_NAMES, f"{self._run.pipeline.name} {step.name} {iteration} {night}").hex * 2

    def _link_inputs(self, task_id: str, step: Step) -> None:
        for key, source in step.takes.items():
            ids, (maker, _, _) = self._made[source], source.partition(".")
            for id in ids:
                link: Any = artifact_pb2.ArtifactTask(artifact_id=id, run_id=self._run_id, task_id=task_id, key=key)
                link.type = artifact_pb2.COLLECTED_INPUTS if len(ids) > 1 else artifact_pb2.TASK_OUTPUT_INPUT
                link.producer.task_name = maker
                self._links.append(link)

    async def _make(self, step: Step, task_id: str, iteration: int | None, *, is_cached: bool = False) -> None:
        if is_cached:
            await self._reuse(step, task_id)
            return
        request = artifact_pb2.CreateArtifactsBulkRequest()
        outputs = [*step.makes, *(Output(name, "Metric") for name in step.numbers)]
        for output in outputs:
            item = request.artifacts.add(run_id=self._run_id, task_id=task_id, producer_key=output.key)
            if iteration is not None:
                item.iteration_index = iteration
            self._describe(item.artifact, step, output, iteration)
        if not outputs:
            return
        answer = await self._ask("ArtifactService.CreateArtifactsBulk", request)
        for output, artifact in zip(outputs, answer.artifacts, strict=True):
            self._made.setdefault(f"{step.name}.{output.key}", []).append(artifact.artifact_id)

    def _describe(self, artifact: Any, step: Step, output: Output, iteration: int | None) -> None:
        # A namespace is required, although a single user's server discards it.
        artifact.name, artifact.type, artifact.namespace = output.key, getattr(artifact, output.type), "demo"
        place = "" if iteration is None else f"[{iteration}]"
        if output.type == "Metric":
            artifact.number_value = self._run.values[f"{output.key}{place}"]
            return
        folder = self._run.name.replace(",", "").replace(" ", "-")
        artifact.uri = output.uri.format(run=folder, n=iteration)
        metadata = {**output.metadata, **self._run.metadata.get(f"{step.name}.{output.key}", {})}
        set_values(artifact.metadata, metadata)

    async def _reuse(self, step: Step, task_id: str) -> None:
        """Link the outputs of the newest equal task, as KFP's driver does on a cache hit."""
        request = run_pb2.FindCachedTaskRequest(cache_fingerprint=self._fingerprint(step, None))
        found = (await self._ask("RunService.FindCachedTask", request)).task
        for group in found.outputs.artifacts:
            [artifact] = group.artifacts
            self._made[f"{step.name}.{group.artifact_key}"] = [artifact.artifact_id]
            link: Any = artifact_pb2.ArtifactTask(
                artifact_id=artifact.artifact_id, run_id=self._run_id, task_id=task_id, key=group.artifact_key
            )
            link.type, link.producer.task_name = artifact_pb2.OUTPUT, step.name
            self._links.append(link)

    def _numbers(self, names: Sequence[str], iteration: int | None) -> dict[str, Value]:
        place = "" if iteration is None else f"[{iteration}]"
        return {name: self._run.values[f"{name}{place}"] for name in names}

    async def _create(self, task: Any) -> str:
        answer = await self._ask("RunService.CreateTask", run_pb2.CreateTaskRequest(run_id=self._run_id, task=task))
        return str(answer.task_id)

    async def _end(
        self, task_id: str, state: str, *, message: str = "", results: Mapping[str, Value] | None = None
    ) -> None:
        task = _Task(state=state)
        task.end_time.FromMicroseconds(self._clock.now())
        if message:
            task.status_metadata.message = message
        _parameters(task.outputs, results or {}, "OUTPUT")
        request = run_pb2.UpdateTaskRequest(run_id=self._run_id, task_id=task_id, task=task)
        await self._ask("RunService.UpdateTask", request)


def _parameters(side: Any, values: Mapping[str, Value], type: str, maker: str = "") -> None:
    for key, value in values.items():
        parameter = side.parameters.add(parameter_key=key, type=type)
        if maker:
            parameter.producer.task_name = maker
        set_value(parameter.value, value)
