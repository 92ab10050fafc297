"""ArtifactReportService: what made one artifact, as a message."""

from collections.abc import Iterable
from typing import Any

from lineal.v1 import artifacts_pb2, lineage_pb2

from server.apis.lineal.charts import series_in, write_curve, write_matrix, write_series
from server.apis.lineal.nodes import write_artifact, write_run, write_task
from server.calls.call import Call
from server.rules import checks
from server.rules.artifact_report.images import Images
from server.rules.artifact_report.recipe import Metric, Parameters, Recipe
from server.rules.artifact_report.report import Producer, Report, read_report
from server.rules.artifact_report.sources import Source, origin_of
from server.rules.lineage.graph import ARTIFACT, RUN, artifact_ref, task_ref
from server.rules.run_report.charts import Charts, charts_of
from server.rules.run_summaries import VALUE_CHARACTERS, cut
from server.well_known.times import set_time
from server.well_known.values import set_struct
from storage.artifact_report import BranchTask, ReportedRun
from storage.documents.plain import object_of
from storage.lineage import ArtifactNode, LineageLink, RunNode, TaskNode
from storage.model import NO_ITERATION, ArtifactType
from storage.overview import RunMetric

_Report = artifacts_pb2.ArtifactReport


async def get_artifact_report(call: Call, request: artifacts_pb2.GetArtifactReportRequest) -> _Report:
    """Return what made an artifact, which must exist and be seen by the caller."""
    artifact_id = checks.known_id(ARTIFACT, request.artifact_id)
    namespace, specs = call.scope().namespace_filter, call.spec_images
    report = await call.store.read(lambda tx: read_report(tx, specs, artifact_id, namespace))
    images = Images()
    if report.recipe is not None and report.recipe.run is not None:
        images = await specs.images(report.recipe.run.spec_id, report.recipe.spec)
    answer = _message(report, images)
    for series in (await series_in(report.series_text)).values():
        answer.series.artifact_id, answer.series.name = artifact_id, report.artifact.node.name
        write_series(series, answer.series)
    return answer


def _message(report: Report, images: Images) -> _Report:
    answer = _Report(
        more_makers=report.has_more_makers,
        more_others=report.has_more_others,
        more_older=report.history.has_more_older,
        more_younger=report.history.has_more_younger,
        consumers=report.consumers,
        more_consumers=report.has_more_consumers,
    )
    answer.origin = report.origin.value  # type: ignore[assignment]  # the stub knows enums only
    _write_reported(report, answer)
    for producer in report.makers:
        _write_producer(producer, answer.makers.add())
    for producer in report.others:
        _write_producer(producer, answer.others.add())
    if report.written is not None:
        _write_source(report.written, answer.written)
    for source in report.history.older:
        _write_source(source, answer.older.add())
    for source in report.history.younger:
        _write_source(source, answer.younger.add())
    if report.recipe is not None:
        _write_recipe(report.recipe, images, answer.recipe)
    return answer


def _write_reported(report: Report, answer: _Report) -> None:
    artifact = report.artifact
    maker = report.makers[0] if report.makers else None
    _write_artifact(artifact.node.id, artifact.node, None if maker is None else maker.task, answer.artifact)
    answer.description = artifact.description
    if artifact.metadata is not None:
        set_struct(answer.metadata, object_of(artifact.metadata) or {})
        if artifact.node.type == ArtifactType.ClassificationMetric:
            _write_charts(artifact.node, charts_of(artifact.metadata), answer)
    else:
        answer.metadata_characters_left_out = artifact.metadata_characters


def _write_charts(artifact: ArtifactNode, charts: Charts, answer: _Report) -> None:
    if charts.points:
        answer.roc_curve.artifact_id, answer.roc_curve.name = artifact.id, artifact.name
        write_curve(charts.points, answer.roc_curve)
    if charts.matrix is not None:
        answer.confusion_matrix.artifact_id, answer.confusion_matrix.name = artifact.id, artifact.name
        write_matrix(charts.matrix, answer.confusion_matrix)


def _write_producer(producer: Producer, target: artifacts_pb2.ArtifactReport.Producer) -> None:
    target.origin = producer.origin.value  # type: ignore[assignment]  # the stub knows enums only
    target.key = producer.link.key
    if producer.link.iteration != NO_ITERATION:
        target.iteration = producer.link.iteration
    _write_task(producer.link, producer.task, target.task)
    _write_run(producer.run, target)


def _write_source(source: Source, target: artifacts_pb2.ArtifactReport.Source) -> None:
    _write_artifact(source.id, source.artifact, source.task, target.artifact)
    target.origin = origin_of(source.link).value  # type: ignore[assignment]  # the stub knows enums only
    if source.link is not None:
        _write_task(source.link, source.task, target.task)
        _write_run(source.run, target)
    if source.written is not None:
        _write_source(source.written, target.written)


def _write_recipe(recipe: Recipe, images: Images, target: artifacts_pb2.ArtifactReport.Recipe) -> None:
    path = recipe.path
    for task, iteration in path:
        step = target.path.add(ref=task_ref(task.id), name=task.display_name or task.name)
        if iteration is not None:
            step.iteration = iteration
    target.image = images.of_task([task.name for task, _ in path])
    _write_times(recipe.branch[:1], target)
    if recipe.run is not None:
        _write_reported_run(recipe.run, target)
    _write_parameters(recipe.task_parameters, target.parameters)
    _write_parameters(recipe.run_parameters, target.run_parameters)
    target.more_parameters, target.more_run_parameters = recipe.task_parameters.is_cut, recipe.run_parameters.is_cut
    for link in recipe.inputs:
        entry = target.inputs.add(key=link.key)
        if link.iteration != NO_ITERATION:
            entry.iteration = link.iteration
        _write_source(recipe.sources[link.artifact_id], entry.source)
    for metric in recipe.metrics:
        _write_metric(metric, target.metrics.add())
    for of_run in recipe.run_metrics:
        _write_run_metric(of_run, target.run_metrics.add())
    target.more_inputs, target.more_metrics = recipe.has_more_inputs, recipe.has_more_metrics


def _write_times(tasks: Iterable[BranchTask], target: artifacts_pb2.ArtifactReport.Recipe) -> None:
    for task in tasks:
        if task.started_at is not None:
            set_time(target.started_at, task.started_at)
        if task.finished_at is not None:
            set_time(target.finished_at, task.finished_at)


def _write_reported_run(run: ReportedRun, target: artifacts_pb2.ArtifactReport.Recipe) -> None:
    node = RunNode(
        run.id,
        run.display_name,
        run.state,
        run.pipeline_id,
        run.experiment_id,
        run.namespace,
        run.created_at,
        run.finished_at,
    )
    _write_run(node, target)
    target.experiment_id, target.experiment_name = run.experiment_id, run.experiment_name
    target.pipeline_id, target.pipeline_name = run.pipeline_id, run.pipeline_name
    target.pipeline_version_id, target.pipeline_version_name = run.pipeline_version_id, run.pipeline_version_name


def _write_parameters(parameters: Parameters, target: Any) -> None:
    for name, cell in parameters.shown.items():
        target.add(name=name, text=cut(cell.text, VALUE_CHARACTERS), number=cell.number)


def _write_metric(metric: Metric, target: artifacts_pb2.ArtifactReport.Metric) -> None:
    _write_artifact(metric.artifact.id, metric.artifact, metric.task, target.artifact)
    _write_task(metric.link, metric.task, target.task)


def _write_run_metric(metric: RunMetric, target: artifacts_pb2.ArtifactReport.Metric) -> None:
    node = target.artifact
    node.ref, node.name, node.number = artifact_ref(metric.artifact_id), metric.name, metric.value
    node.type = ArtifactType.Metric.name


def _write_artifact(id: str, artifact: ArtifactNode | None, maker: TaskNode | None, node: lineage_pb2.Node) -> None:
    node.ref = artifact_ref(id)
    write_artifact(artifact, maker.run_id if maker is not None else "", node)


def _write_task(link: LineageLink, task: TaskNode | None, node: lineage_pb2.Node) -> None:
    node.ref = task_ref(link.task_id)
    write_task(task, node)


def _write_run(run: RunNode | None, target: Any) -> None:
    if run is not None:
        target.run.ref = f"{RUN}/{run.id}"
        write_run(run, target.run)
