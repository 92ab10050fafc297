"""RunReportService: what happened in one run, one level of it, and how far it has come."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from lineal.v1 import runs_pb2

from server.apis.lineal.charts import series_in, write_curve, write_matrix, write_series
from server.calls.call import Call
from server.recorded_spec.sources import SpecSource, read_spec_source, recorded_spec
from server.rules import checks
from server.rules.run_report.differences import Differences, Given
from server.rules.run_report.level import FIRST, ROWS_MAX, Edge, Iterations, Level, Row, flow_of, read_level
from server.rules.run_report.places import ended_at, iteration_of
from server.rules.run_report.progress import Progress, read_progress
from server.rules.run_report.report import (
    ARTIFACTS_MAX,
    SPEC_CHARACTERS_MAX,
    Report,
    read_facts,
    read_report,
)
from server.rules.run_report.specification import Specification
from server.rules.run_report.unreached import UNREACHED_MAX, Unreached
from server.rules.run_summaries import first_line
from server.well_known.times import set_time
from server.well_known.values import set_value
from storage.contract import ReadTx
from storage.documents.enums import POD_TYPES, EnumNames
from storage.documents.tasks import message_of_status
from storage.model import NO_ITERATION, ArtifactType, StorageState, TaskState, TaskType
from storage.run_report import RunFacts, TaskRow

_TYPES, _STATES, _ARTIFACT_TYPES = EnumNames(TaskType), EnumNames(TaskState), EnumNames(ArtifactType)
_LEVEL = "run level"
_MARKS_PER_ROW = 30
"""How many tasks that are only looked for take as long as one that is shown whole."""
_APART_CHARACTERS = 128 * 1024
"""Specifications that are longer are read in a thread: they would block the event loop for other calls."""


async def get_run_report(call: Call, request: runs_pb2.GetRunReportRequest) -> runs_pb2.RunReport:
    """Return what happened in a run."""
    namespace = call.scope().namespace_filter
    marks_here = None if call.rows_max is None else call.rows_max * _MARKS_PER_ROW

    async def read(tx: ReadTx) -> Report:
        call.check_known()
        return await read_report(tx, request.run_id, namespace, marks_here=marks_here)

    report = await call.store.read(read)
    is_long = len(report.spec or "") > _APART_CHARACTERS or len(report.marks) > ROWS_MAX
    unreached = await asyncio.to_thread(report.unreached) if is_long else report.unreached()
    answer = runs_pb2.RunReport(
        retries=report.retries,
        error=report.error,
        message=report.message,
        unreached_more=report.is_unreached_cut or len(unreached) >= UNREACHED_MAX,
        artifacts_more=len(report.made) > ARTIFACTS_MAX,
    )
    _write_facts(report.facts, answer)
    _write_progress(report.progress, answer.progress)
    _write_failure(report, answer)
    _write_unreached(unreached, answer)
    for name, value in report.parameters.items():
        set_value(answer.parameters.add(name=name).value, value)
    for metric in report.metrics:
        answer.metrics.add(name=metric.name, value=metric.value, artifact_id=metric.artifact_id)
    _write_made(report, answer)
    series = await series_in(report.series_texts)
    for metric in report.metrics:
        if metric.artifact_id in series:
            target = answer.series.add(artifact_id=metric.artifact_id, name=metric.name)
            write_series(series[metric.artifact_id], target)
    return answer


async def get_run_progress(call: Call, request: runs_pb2.GetRunProgressRequest) -> runs_pb2.RunProgress:
    """Return how far a run has come."""
    namespace, run_id = call.scope().namespace_filter, checks.known_id("run", request.run_id)

    async def read(tx: ReadTx) -> Progress:
        head = await tx.runs.head(run_id)
        if namespace not in (None, head.namespace):
            raise checks.not_found("run", run_id)
        return await read_progress(tx, run_id, state=head.state, updated_at=head.updated_at)

    answer = runs_pb2.RunProgress()
    _write_progress(await call.store.read(read), answer)
    return answer


async def get_run_level(call: Call, request: runs_pb2.GetRunLevelRequest) -> runs_pb2.RunLevel:
    """Return a page of one level of a run."""
    checks.require(request.page_size >= 0, "page_size must not be negative")
    checks.no_nul("parent_task_id", request.parent_task_id)
    iteration = request.iteration if request.HasField("iteration") else None
    checks.require(iteration is None or iteration >= 0, "iteration must not be negative")
    namespace = call.scope().namespace_filter
    scope = [request.run_id, request.parent_task_id, iteration]
    limit = min(request.page_size or ROWS_MAX, ROWS_MAX)
    position = call.tokens.resolve_position(request.page_token, _LEVEL, scope) if request.page_token else FIRST

    async def read(tx: ReadTx) -> tuple[Level, str | None, SpecSource | None]:
        facts = await read_facts(tx, request.run_id, namespace)
        after = (int(position[0]), str(position[1]))
        level = await read_level(tx, facts.id, request.parent_task_id, iteration=iteration, after=after, limit=limit)
        if facts.pipeline_spec_id is not None:
            return level, await tx.run_report.spec(facts.id, characters=SPEC_CHARACTERS_MAX), None
        if len(level.tasks) < 2:
            return level, None, None
        run = await tx.runs.get(facts.id, with_spec=False)
        return level, None, await read_spec_source(call.recorded_specs, tx, run)

    level, text, source = await call.store.read(read)
    if source is not None:
        text = (await recorded_spec(call.recorded_specs, source)).text
    missing, edges = await _flow(level, text or "", is_recorded=source is not None)
    answer = runs_pb2.RunLevel()
    if level.next is not None:
        answer.next_page_token = call.tokens.issue_position(_LEVEL, scope, level.next)
    _write_level(level, missing, edges, answer)
    return answer


async def _flow(level: Level, text: str, *, is_recorded: bool) -> tuple[Sequence[str], Sequence[Edge]]:
    if not text:
        return (), ()

    def find() -> tuple[Sequence[str], Sequence[Edge]]:
        return flow_of(level, Specification(text), is_recorded=is_recorded)

    return await asyncio.to_thread(find) if len(text) > _APART_CHARACTERS else find()


# What is shown of a run.


def _write_facts(facts: RunFacts, answer: runs_pb2.RunReport) -> None:
    answer.run_id, answer.display_name, answer.description = facts.id, facts.display_name, facts.description
    answer.state, answer.namespace = facts.state, facts.namespace
    answer.archived = facts.storage_state == StorageState.ARCHIVED.name
    answer.experiment_id, answer.experiment_name = facts.experiment_id, facts.experiment
    answer.pipeline_id, answer.pipeline_name = facts.pipeline_id, facts.pipeline
    answer.pipeline_version_id, answer.pipeline_version_name = facts.pipeline_version_id, facts.version
    answer.has_specification = facts.pipeline_spec_id is not None
    set_time(answer.created_at, facts.created_at)
    set_time(answer.updated_at, facts.updated_at)
    if facts.finished_at is not None:
        set_time(answer.finished_at, facts.finished_at)


def _write_progress(progress: Progress, target: runs_pb2.RunProgress) -> None:
    target.state, target.finished = progress.state, progress.is_finished
    target.more, target.version = progress.has_more, progress.version
    for each in progress.counts:
        target.tasks.add(state=str(_STATES.name_of(each.state)), count=each.count)


def _write_failure(report: Report, answer: runs_pb2.RunReport) -> None:
    for task in report.branch:
        blamed = answer.blame.add(task_id=task.id)
        _write_task(task, blamed)
    if report.failed_after is not None:
        answer.failed_after_seconds = report.failed_after / 1_000_000
    for each in report.pods:
        type_name = str(POD_TYPES.name_of(each.pod.type))
        answer.pods.add(name=each.pod.name, type=type_name, log_command=each.command)
    if report.branch:
        _write_differences(report.differences, answer.differences)


def _write_differences(found: Differences, target: runs_pb2.RunDifferences) -> None:
    if found.run is not None:
        target.run_id, target.run_name = found.run.id, found.run.display_name
    target.task_id, target.same, target.more = found.task_id, found.same, found.is_cut
    for difference in found.inputs:
        message = target.inputs.add(key=difference.key, artifact=difference.is_artifact)
        _write_given(difference.here, message.here)
        _write_given(difference.there, message.there)


def _write_given(given: Sequence[Given], target: Any) -> None:
    for each in given:
        target.add(text=each.text, artifact_id=each.artifact_id)


def _write_unreached(unreached: Sequence[Unreached], answer: runs_pb2.RunReport) -> None:
    for each in unreached:
        answer.unreached.add(name=each.name, groups=each.groups, places=each.places)


def _write_made(report: Report, answer: runs_pb2.RunReport) -> None:
    for each in report.made[:ARTIFACTS_MAX]:
        artifact = each.artifact
        made = answer.artifacts.add(artifact_id=artifact.id, name=artifact.name, uri=artifact.uri or "", key=each.key)
        made.type = str(_ARTIFACT_TYPES.name_of(artifact.type))
        made.task_id, made.task_name = each.task_id, each.task_display_name or each.task_name
        if each.iteration != NO_ITERATION:
            made.iteration = each.iteration
        if artifact.number_value is not None:
            made.number = artifact.number_value
    for artifact, charts in report.charts:
        if charts.points:
            write_curve(charts.points, answer.roc_curves.add(artifact_id=artifact.id, name=artifact.name))
        if charts.matrix is not None:
            write_matrix(charts.matrix, answer.confusion_matrices.add(artifact_id=artifact.id, name=artifact.name))


# What is shown of a level.


def _write_level(level: Level, missing: Sequence[str], edges: Sequence[Edge], answer: runs_pb2.RunLevel) -> None:
    for task in level.path:
        _write_step(task, answer.path.add(task_id=task.id))
    if level.loop is not None:
        _write_iterations(level.loops[level.loop.id], answer.iterations)
        if level.selected is not None:
            answer.iterations.selected = level.selected
    for row in level.rows:
        _write_row(row, level.keys, level.loops, answer.tasks.add())
    for name in missing:
        answer.tasks.add(key=name, name=name)
    for edge in edges:
        answer.edges.add(source=edge.source, target=edge.target, inputs=edge.inputs)


def _write_row(
    row: Row, keys: Mapping[str, str], loops: Mapping[str, Iterations], target: runs_pb2.RunLevel.TaskRow
) -> None:
    task = row.task
    target.task_id, target.depth, target.folded = task.id, row.depth, row.is_folded
    if row.depth == 0:
        target.key = keys[task.id]
    _write_task(task, target)
    set_time(target.created_at, task.created_at)
    if task.started_at is not None:
        set_time(target.started_at, task.started_at)
    end = ended_at(task)
    if end is not None:
        set_time(target.finished_at, end)
    if task.is_loop and task.id in loops:
        _write_iterations(loops[task.id], target.iterations)


def _write_task(task: TaskRow, target: Any) -> None:
    _write_step(task, target)
    target.state = str(_STATES.name_of(task.state))
    if task.is_failed:
        target.message = first_line(message_of_status(task.status))


def _write_step(task: TaskRow, target: Any) -> None:
    target.name, target.type = task.display_name or task.name, str(_TYPES.name_of(task.type))
    iteration = iteration_of(task)
    if iteration is not None:
        target.iteration = iteration


def _write_iterations(iterations: Iterations, target: runs_pb2.RunLevel.Iterations) -> None:
    target.count, target.more = iterations.count, iterations.has_more
    for index, state in iterations.states.items():
        target.shown.add(index=index, state=str(_STATES.name_of(state)))
