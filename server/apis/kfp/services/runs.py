"""RunService: making and reading runs."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of, next_token
from server.errors import InvalidArgument, NotFound
from server.packages.specs import check_parameters, read_spec
from server.recorded_spec.sources import SpecSource, read_spec_source, recorded_spec, spec_source_of
from server.rules import checks, tasks
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.linked_tasks import LinkedTasks
from server.rules.runs import append_state
from storage import lengths
from storage.contract import Page, ReadTx, WriteTx
from storage.errors import AlreadyExists
from storage.fields import RUN_LIST
from storage.ids import new_id
from storage.model import (
    ChildTask,
    Experiment,
    LinkedArtifact,
    Run,
    RunState,
    ShownRun,
    StorageState,
    Task,
    default_experiment,
)

View = run_pb2.GetRunRequest.ViewMode  # ListRunsRequest has the same numbers
_WITH_TASKS: tuple[int, ...] = (View.FULL, View.RUNTIME_ONLY)
_WITHOUT_SPEC: tuple[int, ...] = (View.BASIC, View.RUNTIME_ONLY)  # a number that is not a view counts as DEFAULT
_TASKS_BASIC = run_pb2.PipelineTask.TaskView.BASIC

_RECURRING = uuid.UUID("6d0c2f0e-6a53-4c1b-9d5e-2f8b5f3a7c41")  # what ids of runs of recurring runs are derived from


async def create_run(call: Call, request: run_pb2.CreateRunRequest) -> run_pb2.Run:
    """Keep a new run in state PENDING; nothing is executed here."""
    checks.require(request.HasField("run"), "run is required")
    message = request.run
    _check_run(message)
    try:
        _check_source(message)
    except InvalidArgument:
        # KFP's API server looks for the experiment first: its absence is reported before anything about the source.
        if message.experiment_id:
            await call.store.read_one(lambda tx: tx.experiments.get(message.experiment_id))
        raise
    now = call.now()
    run = _record(call, message, now)

    async def write(tx: WriteTx) -> Run:
        experiment_id = run.experiment_id or await tx.experiments.ensure_default(
            replace(default_experiment(new_id(), created_at=now), namespace=call.scope().namespace)
        )
        experiment = await tx.experiments.get(experiment_id)
        earlier_run = await _earlier_run(tx, run)
        if earlier_run is not None:
            return earlier_run
        new = _in_experiment(await _from_version(tx, run, message), experiment)
        try:
            await tx.runs.create(new)
        except AlreadyExists:
            earlier_run = await _earlier_run(tx, run)
            if earlier_run is None:
                raise
            return earlier_run
        await tx.experiments.record_run(experiment.id, now)
        return new

    return codec.run_message(await call.store.write(write), with_spec=False)


async def get_run(call: Call, request: run_pb2.GetRunRequest) -> run_pb2.Run:
    """Return a run, with its tasks when the view is FULL or RUNTIME_ONLY.

    A run from a pipeline version names it in the view DEFAULT, and shows its own copy of the specification once the
    version is gone. A run without any specification shows one made from its tasks.
    """
    run_id = checks.known_id("run", request.run_id)
    tasks_basic = request.task_view == _TASKS_BASIC
    with_tasks, with_spec = request.view in _WITH_TASKS, request.view not in _WITHOUT_SPEC

    async def read(tx: ReadTx) -> tuple[Run, int, LinkedTasks, SpecSource | None]:
        if with_spec and not with_tasks:
            shown_run = await tx.runs.get_shown(run_id)
        else:
            shown_run = ShownRun(await tx.runs.get(run_id, with_spec=with_spec), has_version=False)
        run = shown_run.run
        lacks_spec = (
            with_spec and run.pipeline_spec is None and not await _has_version(tx, shown_run, is_final=not with_tasks)
        )
        if not with_tasks:
            source = await read_spec_source(call.recorded_specs, tx, run) if lacks_spec else None
            counts = {run_id: source.recording.activity.task_count} if source else await tx.runs.task_counts([run_id])
            return run, counts.get(run_id, 0), LinkedTasks(), source
        tasks, links = await _tasks_of(tx, [run_id], basic=tasks_basic)
        source = None
        if lacks_spec:
            specs = call.recorded_specs
            source = await read_spec_source(specs, tx, run) if tasks_basic else spec_source_of(specs, run, tasks, links)
        return run, len(tasks), LinkedTasks(tasks, links, _children_among(tasks)), source

    run, task_count, linked_tasks, source = await call.store.read(read)
    # FULL shows the stored spec of a run from a version too: a pod that asks for it need not fetch the version.
    message = _message(run, run_pb2.Run(), request.view, task_count, with_spec=True)
    codec.write_tasks(linked_tasks, lambda _: message.tasks.add(), basic=tasks_basic)
    if source is not None:
        spec = await recorded_spec(call.recorded_specs, source)
        message.pipeline_spec.ParseFromString(spec.struct)
    return message


async def _has_version(tx: ReadTx, shown_run: ShownRun, *, is_final: bool) -> bool:
    """Say whether a run without a specification of its own names a version that has one."""
    if is_final or not shown_run.run.pipeline_version_id:
        return shown_run.has_version
    return (await tx.runs.get_shown(shown_run.run.id)).has_version


async def list_runs(call: Call, request: run_pb2.ListRunsRequest) -> run_pb2.ListRunsResponse:
    """Return a page of runs; an experiment limits it, in single-user mode a namespace does not."""
    view: int = request.view
    list_request = ListRequest.of(request, "runs", listable=RUN_LIST, scope=[request.experiment_id])
    with_tasks = view in _WITH_TASKS
    listing = listing_of(call, list_request, page_size_max=call.settings.full_page_size_max if with_tasks else None)
    experiment_id = checks.known_id("experiment", request.experiment_id) if request.experiment_id else None
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx) -> tuple[Page[Run], Mapping[str, int], LinkedTasks]:
        if experiment_id is not None:
            await tx.experiments.get(experiment_id)
        page = await tx.runs.list(
            listing, experiment_id=experiment_id, namespace=namespace, with_spec=view not in _WITHOUT_SPEC
        )
        run_ids = [run.id for run in page.rows]
        if not run_ids or not with_tasks:
            return page, await tx.runs.task_counts(run_ids) if run_ids else {}, LinkedTasks()
        tasks, links = await _tasks_of(tx, run_ids, basic=False)
        return page, Counter(task.run_id for task in tasks), LinkedTasks(tasks, links, _children_among(tasks))

    page, counts, linked_tasks = await call.store.read(read)
    response = run_pb2.ListRunsResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    runs = {run.id: _message(run, response.runs.add(), view, counts.get(run.id, 0)) for run in page.rows}
    codec.write_tasks(linked_tasks, lambda task: runs[task.run_id].tasks.add())
    return response


def _message(run: Run, target: run_pb2.Run, view: int, task_count: int, *, with_spec: bool = False) -> run_pb2.Run:
    if view == View.BASIC:
        return codec.basic_run_message(run, target, task_count=task_count)
    return codec.run_message(
        run, target, with_spec=with_spec, with_settings=view != View.RUNTIME_ONLY, task_count=task_count
    )


async def _tasks_of(
    tx: ReadTx, run_ids: Sequence[str], *, basic: bool
) -> tuple[Sequence[Task], Sequence[LinkedArtifact]]:
    """Return the tasks of runs, oldest first, and their links unless these are not to be shown."""
    tasks = await tx.tasks.list_of_runs(run_ids)
    return tasks, [] if basic else await tx.artifact_tasks.of_runs(run_ids)


def _children_among(tasks: Sequence[Task]) -> list[ChildTask]:
    """Return the children among all tasks of runs: they need no statement."""
    return [_child(task) for task in tasks if task.parent_task_id is not None]


def _check_run(run: run_pb2.Run) -> None:
    checks.require(run.display_name, "run.display_name is required")
    checks.require(not run.plugins_output, "run.plugins_output is for the server to set")
    checks.max_characters("run.display_name", run.display_name, MAX_CHARACTERS["Run.display_name"])
    checks.max_bytes("run.run_id", run.run_id, lengths.ID)
    checks.max_bytes("run.recurring_run_id", run.recurring_run_id, lengths.ID)
    checks.max_characters("run.service_account", run.service_account, MAX_CHARACTERS["Run.service_account"])
    checks.max_bytes("run.description", run.description, checks.TEXT_BYTES)
    is_enum_value = run.storage_state in run_pb2.Run.StorageState.values()
    checks.require(is_enum_value, f"run.storage_state has the unknown enum value {run.storage_state}")
    codec.check_run_text(run)
    if run.experiment_id:
        checks.known_id("experiment", run.experiment_id)
    for task in run.tasks:
        codec.task_texts(task).check()
        tasks.new_task(codec.new_task(task), task_id="-", run_id="-", namespace="-", now=0)  # a bad one fails the call


def _check_source(run: run_pb2.Run) -> None:
    """A run may name a version or carry a spec, or neither when it is recorded by hand."""
    source = run.WhichOneof("pipeline_source")
    if source == "pipeline_spec":
        spec = read_spec(codec.plain_values(run.pipeline_spec.fields, "run.pipeline_spec"))
        check_parameters(spec, run.runtime_config.parameters)
    elif source is not None:
        reference = run.pipeline_version_reference
        ids = (run.pipeline_version_id, reference.pipeline_id, reference.pipeline_version_id)
        checks.require(any(ids), "the pipeline version reference names neither a pipeline nor a version")
        for id in ids:
            checks.max_bytes("run.pipeline_version_reference", id, lengths.ID)


async def _from_version(tx: ReadTx, run: Run, message: run_pb2.Run) -> Run:
    """Copy the specification of the version that a run names: the run owns its copy, whatever becomes of the version."""
    if not run.pipeline_id and not run.pipeline_version_id:
        return run
    if run.pipeline_version_id:
        version = await tx.pipeline_versions.get(run.pipeline_version_id)
        is_consistent = run.pipeline_id in ("", version.pipeline_id)
        checks.require(is_consistent, f"pipeline version {version.id!r} is not of pipeline {run.pipeline_id!r}")
    else:
        latest = await tx.pipeline_versions.find_latest(run.pipeline_id)
        if latest is None:
            raise NotFound(f"pipeline {run.pipeline_id!r} has no version")
        version = latest
    if version.pipeline_spec is not None:
        spec = read_spec(json.loads(version.pipeline_spec))
        check_parameters(spec, message.runtime_config.parameters)
    return replace(
        run,
        pipeline_id=version.pipeline_id,
        pipeline_version_id=version.id,
        pipeline_spec=version.pipeline_spec,
    )


async def _earlier_run(tx: ReadTx, run: Run) -> Run | None:
    """Return the run that a recurring run made under this name before, if any."""
    if not run.recurring_run_id:
        return None
    return await tx.runs.find_recurring(run.recurring_run_id, run.display_name)


def _new_run_id(run: run_pb2.Run) -> str:
    """Return the id of a run that brings none: two calls that start one recurring run at once must meet in one id."""
    if not run.recurring_run_id:
        return new_id()
    return str(uuid.uuid5(_RECURRING, f"{len(run.recurring_run_id)}:{run.recurring_run_id}{run.display_name}"))


def _record(call: Call, run: run_pb2.Run, now: int) -> Run:
    reference = run.pipeline_version_reference
    is_archived = run.storage_state == run_pb2.Run.ARCHIVED
    return Run(
        id=run.run_id or _new_run_id(run),
        experiment_id=run.experiment_id,
        display_name=run.display_name,
        description=run.description,
        created_at=now,
        scheduled_at=_time_or(run, "scheduled_at") or now,
        finished_at=_time_or(run, "finished_at"),
        updated_at=now,
        storage_state=(StorageState.ARCHIVED if is_archived else StorageState.AVAILABLE).name,
        state=RunState.PENDING.name,
        state_history=append_state("[]", RunState.PENDING.name, now),
        service_account=run.service_account or call.settings.service_account,
        recurring_run_id=run.recurring_run_id,
        pipeline_id=reference.pipeline_id,
        pipeline_version_id=reference.pipeline_version_id or run.pipeline_version_id,
        runtime_config=codec.runtime_config_text(run),
        plugins_input=codec.plugins_input_text(run),
        pipeline_spec=codec.pipeline_spec_text(run),
    )


def _time_or(run: run_pb2.Run, field: str) -> int | None:
    time = getattr(run, field)
    return codec.microseconds(time, f"run.{field}") if run.HasField(field) and time.seconds else None


def _in_experiment(run: Run, experiment: Experiment) -> Run:
    return replace(run, experiment_id=experiment.id, namespace=experiment.namespace)


def _child(task: Task) -> ChildTask:
    assert task.parent_task_id is not None
    return ChildTask(task.id, task.name, task.parent_task_id)
