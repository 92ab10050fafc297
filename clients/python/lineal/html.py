"""Runs, tasks, artifacts, lineage and listings as HTML for notebooks. `lineal._notebook` tells IPython of it.

Links lead to the server's web UI, if it says where that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from google.protobuf.message import Message

from lineal import _markup as markup
from lineal._markup import ROWS_MAX, Markup
from lineal._texts import (
    enum_name,
    first_line,
    moment,
    number_words,
    plain_fields,
    run_duration,
    short_id,
    task_duration,
    task_started,
    value_words,
)
from lineal.trees import TreeLine, lineage_lines, task_lines
from lineal.v1 import lineage_pb2, overview_pb2
from lineal.v2beta1 import artifact_pb2, experiment_pb2, pipeline_pb2, run_pb2, task_pb2

__all__ = ["CLASSES", "ROWS_MAX", "of_listing", "of_message", "of_rows"]

LINES_MAX = 200
"""How many lines of a tree are shown."""

Pairs = Sequence[tuple[str, object]]


class Links:
    """Addresses in the web UI; all are empty if it is not known where that is."""

    def __init__(self, ui_url: str = "") -> None:
        self._ui_url = ui_url.rstrip("/")

    def to(self, *path: str) -> str:
        """Return the address of a page, "" if a part of its path is missing."""
        if not self._ui_url or not all(path):
            return ""
        return "/".join((self._ui_url, *(quote(each, safe="") for each in path)))

    def ref(self, ref: str, run: str = "") -> str:
        """Return the address of a node of a lineage."""
        kind, _, node_id = ref.partition("/")
        if kind == "task":
            return self.to("runs", run.partition("/")[2], "tasks", node_id)
        return self.to(f"{kind}s", node_id) if kind in ("run", "artifact", "experiment") else ""


def of_message(message: Message, ui_url: str = "") -> str:
    """Return a run, a task, an artifact, a lineage … as HTML. Raises TypeError for a message that has no such form."""
    make = _CARDS.get(message.DESCRIPTOR.full_name)
    if make is None:
        raise TypeError(f"{message.DESCRIPTOR.name} has no form in HTML")
    return make(message, Links(ui_url))


def of_rows(rows: Sequence[Message], *, title: str, has_more: bool = False, ui_url: str = "") -> str:
    """Return messages of one kind as a table; `has_more` says that there are others behind them."""
    if not rows:
        return markup.card(f"{title}: none")
    head, cells = _TABLES.get(rows[0].DESCRIPTOR.full_name) or _general_table(rows[0])
    links = Links(ui_url)
    more = markup.faint("… and more") if has_more else Markup("")
    return markup.card(markup.faint(title), markup.table(head, [cells(row, links) for row in rows]), more)


def of_listing(rows: Sequence[Message], what: str, ui_url: str = "") -> str:
    """Return the first rows of a listing as a table; more than ROWS_MAX of them say that there are others."""
    shown, has_more = rows[:ROWS_MAX], len(rows) > ROWS_MAX
    title = f"first {len(shown)} {what}" if has_more else f"{len(shown)} {what}" if shown else what
    return of_rows(shown, title=title, has_more=has_more, ui_url=ui_url)


def _title(name: str, item_id: str, address: str, *rest: object) -> Markup:
    shown = markup.link(address, Markup(f"<b>{markup.text(name or short_id(item_id))}</b>"))
    return markup.joined((shown, *rest, markup.identifier(item_id)), " &nbsp;")


def _run(run: run_pb2.Run, links: Links) -> Markup:
    parameters = [
        (name, value_words(run.runtime_config.parameters[name])) for name in sorted(run.runtime_config.parameters)
    ]
    version = run.pipeline_version_reference
    metrics = {name: number_words(number) for task in run.tasks for name, number in _metrics(task)}
    errors = (run.error.message, *(each.error.message for each in reversed(run.state_history)))
    pairs = [
        ("created", markup.time(moment(run, "created_at"))),
        ("duration", markup.duration(run_duration(run))),
        ("error", first_line(next(filter(None, errors), ""))),
        ("experiment", _linked(links.to("experiments", run.experiment_id), run.experiment_id)),
        ("pipeline", _linked(links.to("pipelines", version.pipeline_id), version.pipeline_id)),
        ("storage", enum_name(run, "storage_state") if run.storage_state == run_pb2.Run.ARCHIVED else ""),
        ("description", run.description),
    ]
    return markup.card(
        _title(run.display_name, run.run_id, links.to("runs", run.run_id), markup.state(enum_name(run, "state"))),
        markup.facts(pairs),
        markup.section(f"Parameters ({len(parameters)})", _few(parameters), is_open=True),
        markup.section(f"Metrics ({len(metrics)})", _few(sorted(metrics.items())), is_open=True),
        markup.section(f"Tasks ({len(run.tasks)})", _tree(task_lines(run.tasks), links), is_open=True),
    )


def _summary(run: overview_pb2.RunSummary, links: Links) -> Markup:
    metrics = [(each.name, number_words(each.value)) for each in run.metrics]
    columns = [(name, value_words(run.columns[name])) for name in sorted(run.columns)]
    pairs = [
        ("created", markup.time(moment(run, "created_at"))),
        ("duration", markup.duration(_summary_duration(run))),
        ("failed", markup.joined((run.failed.name, run.failed.message), ": ") if run.failed.task_id else ""),
        ("experiment", run.experiment_name),
        ("pipeline", run.pipeline_name),
    ]
    return markup.card(
        _title(run.display_name, run.run_id, links.to("runs", run.run_id), markup.state(run.state)),
        markup.facts(pairs),
        _few(metrics),
        _few(columns),
    )


def _task(task: task_pb2.PipelineTask, links: Links) -> Markup:
    address = links.to("runs", task.run_id, "tasks", task.task_id)
    iteration = task.type_attributes.iteration_index if task.type_attributes.HasField("iteration_index") else None
    state = markup.state(enum_name(task, "state"))
    pairs = [
        ("type", enum_name(task, "type")),
        ("iteration", None if iteration is None else str(iteration)),
        ("message", first_line(task.status_metadata.message, at_most=markup.TEXT_MAX)),
        ("started", markup.time(task_started(task))),
        ("duration", markup.duration(task_duration(task))),
        ("run", _linked(links.to("runs", task.run_id), task.run_id)),
    ]
    return markup.card(
        _title(task.display_name or task.name, task.task_id, address, state),
        markup.facts(pairs),
        markup.section("Inputs", _values(task.inputs, links), is_open=True),
        markup.section("Outputs", _values(task.outputs, links), is_open=True),
    )


def _values(values: task_pb2.PipelineTask.InputOutputs, links: Links) -> Markup:
    pairs: list[tuple[str, object]] = [(each.parameter_key, value_words(each.value)) for each in values.parameters]
    for group in values.artifacts:
        for artifact in group.artifacts:
            shown = _linked(links.to("artifacts", artifact.artifact_id), artifact.artifact_id, artifact.name)
            value = (
                number_words(artifact.number_value) if artifact.HasField("number_value") else markup.uri(artifact.uri)
            )
            pairs.append((group.artifact_key, markup.joined((shown, enum_name(artifact, "type"), value), " &nbsp;")))
    return _few(pairs)


def _artifact(artifact: artifact_pb2.Artifact, links: Links) -> Markup:
    metadata = [(name, value_words(artifact.metadata[name])) for name in sorted(artifact.metadata)]
    address = links.to("artifacts", artifact.artifact_id)
    pairs = [
        ("value", number_words(artifact.number_value) if artifact.HasField("number_value") else ""),
        ("uri", markup.uri(artifact.uri) if artifact.uri else ""),
        ("created", markup.time(moment(artifact, "created_at"))),
        ("description", artifact.description),
    ]
    return markup.card(
        _title(artifact.name, artifact.artifact_id, address, enum_name(artifact, "type")),
        markup.facts(pairs),
        markup.section(f"Metadata ({len(metadata)})", _few(metadata), is_open=True),
    )


def _experiment(experiment: experiment_pb2.Experiment, links: Links) -> Markup:
    address = links.to("experiments", experiment.experiment_id)
    state = markup.state(enum_name(experiment, "storage_state"))
    pairs = [
        ("created", markup.time(moment(experiment, "created_at"))),
        ("last run", markup.time(moment(experiment, "last_run_created_at"))),
        ("description", experiment.description),
    ]
    return markup.card(_title(experiment.display_name, experiment.experiment_id, address, state), markup.facts(pairs))


def _pipeline(pipeline: pipeline_pb2.Pipeline, links: Links) -> Markup:
    address = links.to("pipelines", pipeline.pipeline_id)
    pairs = [("created", markup.time(moment(pipeline, "created_at"))), ("description", pipeline.description)]
    return markup.card(
        _title(pipeline.display_name or pipeline.name, pipeline.pipeline_id, address), markup.facts(pairs)
    )


def _version(version: pipeline_pb2.PipelineVersion, links: Links) -> Markup:
    address = links.to("pipelines", version.pipeline_id, "versions", version.pipeline_version_id)
    pairs = [("created", markup.time(moment(version, "created_at"))), ("description", version.description)]
    return markup.card(
        _title(version.display_name or version.name, version.pipeline_version_id, address), markup.facts(pairs)
    )


def _lineage(lineage: lineage_pb2.Lineage, links: Links) -> Markup:
    nodes = f"{len(lineage.nodes)} nodes" if len(lineage.nodes) != 1 else "1 node"
    return markup.card(markup.faint(f"Lineage of {nodes}"), _tree(lineage_lines(lineage), links))


def _tree(rows: Iterable[TreeLine], links: Links) -> Markup:
    shown = list(rows)
    if not shown:
        return Markup("")
    left_out = len(shown) - LINES_MAX
    more = [markup.faint(f"… and {left_out} more lines")] if left_out > 0 else []
    return markup.lines([*(_tree_line(row, links) for row in shown[:LINES_MAX]), *more])


def _tree_line(row: TreeLine, links: Links) -> str:
    address = ""
    if isinstance(row.node, lineage_pb2.Node):
        address = links.ref(row.node.ref, row.node.run)
    elif isinstance(row.node, task_pb2.PipelineTask):
        address = links.to("runs", row.node.run_id, "tasks", row.node.task_id)
    pieces: list[str] = []
    for kind, words in row.pieces():
        if kind == "state":
            pieces.append(markup.state(words))
        elif kind == "name":
            pieces.append(markup.link(address, words))
        elif kind == "uri":
            pieces.append(markup.uri(words))
        elif kind in ("branch", "note", "ref", "type", "duration"):
            pieces.append(markup.faint(words))
        else:
            pieces.append(markup.text(words))
    return "".join(pieces)


def _few(pairs: Iterable[tuple[str, object]]) -> Markup:
    return markup.few_facts(list(pairs))


def _linked(address: str, item_id: str, name: str = "") -> Markup:
    shown = markup.text(name) if name else markup.identifier(item_id)
    return markup.link(address, shown) if item_id else markup.text("")


def _metrics(task: task_pb2.PipelineTask) -> Iterable[tuple[str, float]]:
    for output in task.outputs.artifacts:
        for artifact in output.artifacts:
            if artifact.type == artifact_pb2.Artifact.Metric and artifact.HasField("number_value"):
                yield artifact.name or output.artifact_key, artifact.number_value


def _summary_duration(run: overview_pb2.RunSummary) -> Any:
    start, end = moment(run, "created_at"), moment(run, "finished_at")
    return None if start is None or end is None else end - start


def _run_row(run: run_pb2.Run, links: Links) -> Sequence[object]:
    parameters = ", ".join(
        f"{name}={value_words(run.runtime_config.parameters[name])}" for name in sorted(run.runtime_config.parameters)
    )
    return (
        markup.link(links.to("runs", run.run_id), run.display_name or short_id(run.run_id)),
        markup.state(enum_name(run, "state")),
        markup.time(moment(run, "created_at")),
        markup.duration(run_duration(run)),
        _cut(parameters),
        markup.identifier(run.run_id),
    )


def _summary_row(run: overview_pb2.RunSummary, links: Links) -> Sequence[object]:
    said = f"{run.failed.name}: {run.failed.message}" if run.failed.task_id else ""
    metrics = ", ".join(f"{each.name}={number_words(each.value)}" for each in run.metrics)
    return (
        markup.link(links.to("runs", run.run_id), run.display_name or short_id(run.run_id)),
        markup.state(run.state),
        markup.time(moment(run, "created_at")),
        markup.duration(_summary_duration(run)),
        _cut(said or metrics),
        markup.identifier(run.run_id),
    )


def _task_row(task: task_pb2.PipelineTask, links: Links) -> Sequence[object]:
    address = links.to("runs", task.run_id, "tasks", task.task_id)
    return (
        markup.link(address, task.display_name or task.name or short_id(task.task_id)),
        enum_name(task, "type"),
        markup.state(enum_name(task, "state")),
        markup.time(task_started(task)),
        markup.duration(task_duration(task)),
        _cut(first_line(task.status_metadata.message)),
    )


def _artifact_row(artifact: artifact_pb2.Artifact, links: Links) -> Sequence[object]:
    return (
        markup.link(links.to("artifacts", artifact.artifact_id), artifact.name or short_id(artifact.artifact_id)),
        enum_name(artifact, "type"),
        number_words(artifact.number_value) if artifact.HasField("number_value") else markup.uri(artifact.uri),
        markup.time(moment(artifact, "created_at")),
        markup.identifier(artifact.artifact_id),
    )


def _node_row(node: lineage_pb2.Node, links: Links) -> Sequence[object]:
    return (
        markup.link(links.ref(node.ref, node.run), node.name or node.ref),
        node.type,
        markup.state(node.state),
        markup.uri(node.uri),
        markup.time(moment(node, "created_at")),
    )


def _cut(words: str) -> str:
    return words if len(words) <= 80 else words[:79] + "…"


_Row = Callable[[Any, Links], Sequence[object]]


def _general_table(message: Message) -> tuple[Sequence[str], _Row]:
    """Return the first fields of any message that are a text, a number or a time."""
    names = plain_fields(message.DESCRIPTOR)[:6]
    return names, lambda row, _links: [_field(row, name) for name in names]


def _field(message: Message, name: str) -> object:
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.message_type is not None:
        return markup.time(moment(message, name))
    if field.enum_type is not None:
        return enum_name(message, name)
    if name == "uri":
        return markup.uri(getattr(message, name))
    return markup.text(cast(object, getattr(message, name)))


_CARDS: Mapping[str, Callable[[Any, Links], Markup]] = {
    run_pb2.Run.DESCRIPTOR.full_name: _run,
    overview_pb2.RunSummary.DESCRIPTOR.full_name: _summary,
    task_pb2.PipelineTask.DESCRIPTOR.full_name: _task,
    artifact_pb2.Artifact.DESCRIPTOR.full_name: _artifact,
    experiment_pb2.Experiment.DESCRIPTOR.full_name: _experiment,
    pipeline_pb2.Pipeline.DESCRIPTOR.full_name: _pipeline,
    pipeline_pb2.PipelineVersion.DESCRIPTOR.full_name: _version,
    lineage_pb2.Lineage.DESCRIPTOR.full_name: _lineage,
}
"""What one message is shown as."""

_TABLES: Mapping[str, tuple[Sequence[str], _Row]] = {
    run_pb2.Run.DESCRIPTOR.full_name: (("run", "state", "created", "duration", "parameters", "id"), _run_row),
    overview_pb2.RunSummary.DESCRIPTOR.full_name: (
        ("run", "state", "created", "duration", "result", "id"),
        _summary_row,
    ),
    task_pb2.PipelineTask.DESCRIPTOR.full_name: (
        ("task", "type", "state", "started", "duration", "message"),
        _task_row,
    ),
    artifact_pb2.Artifact.DESCRIPTOR.full_name: (("artifact", "type", "value or uri", "created", "id"), _artifact_row),
    lineage_pb2.Node.DESCRIPTOR.full_name: (("name", "type", "state", "uri", "created"), _node_row),
}
"""What messages of a kind are shown as in a table: its head, and the cells of a row."""

CLASSES: Sequence[type[Message]] = (
    run_pb2.Run,
    overview_pb2.RunSummary,
    task_pb2.PipelineTask,
    artifact_pb2.Artifact,
    experiment_pb2.Experiment,
    pipeline_pb2.Pipeline,
    pipeline_pb2.PipelineVersion,
    lineage_pb2.Lineage,
)
"""The classes of messages that have a form in HTML."""
