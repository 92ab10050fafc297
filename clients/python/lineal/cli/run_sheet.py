"""A run as `runs get` shows it: what RunReportService says of it, the failure first."""

from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from lineal._texts import moment, number_words, short_id, value_words
from lineal.cli import words
from lineal.cli.formats import Column
from lineal.cli.sheets import Sheet
from lineal.cli.words import State

if TYPE_CHECKING:
    from lineal.v1.runs_pb2 import RunDifferences, RunReport


def run_sheet(report: "RunReport") -> RenderableType:
    """Return what is known of a run."""
    sheet = Sheet(report.display_name or report.run_id)
    state = State(report.state)
    created, finished = moment(report, "created_at"), moment(report, "finished_at")
    sheet.line("id", report.run_id)
    sheet.line("state", words.archived(state) if report.archived else state)
    sheet.line("error", report.error)
    sheet.line("created", created)
    sheet.line("finished", finished)
    sheet.line("took", words.between(created, finished))
    total, states = task_counts(report.progress)
    sheet.line("tasks", f"{total} ({states})" if states else "")
    sheet.line("experiment", report.experiment_name or report.experiment_id)
    sheet.line("pipeline", report.pipeline_name or report.pipeline_id)
    sheet.line("version", report.pipeline_version_name or report.pipeline_version_id)
    sheet.line("namespace", report.namespace)
    sheet.line("started again", report.retries or None)
    sheet.text("Description", report.description)
    _add_failure(sheet, report)
    sheet.pairs("Parameters", ((each.name, value_words(each.value)) for each in report.parameters))
    sheet.pairs("Metrics", ((each.name, each.value) for each in report.metrics))
    sheet.table("Artifacts", report.artifacts, _ARTIFACTS, more="and more" if report.artifacts_more else "")
    return sheet.renderable()


def task_counts(progress: Any) -> tuple[str, str]:
    """Return how many tasks there are, and how many in each state: "13", "11 succeeded, 2 failed"."""
    total = sum(each.count for each in progress.tasks)
    states = ", ".join(f"{each.count} {State(each.state).look.word}" for each in progress.tasks)
    return f"{total}{' or more' if progress.more else ''}", states


def _add_failure(sheet: Sheet, report: "RunReport") -> None:
    if report.blame:
        sheet.table("Failed first", report.blame, _BLAMED)
        sheet.text("Its message", report.message, style="red")
        sheet.pairs("Its logs", ((pod.name, pod.log_command) for pod in report.pods))
    if report.HasField("differences"):
        _add_differences(sheet, report.differences)
    sheet.table(
        "Not reached" if report.progress.finished else "Not begun yet",
        report.unreached,
        (
            Column("task", lambda task: task.name),
            Column("in", lambda task: " › ".join(task.groups)),
            Column("places", lambda task: task.places if task.places > 1 else None, is_number=True),
        ),
        more="and perhaps more" if report.unreached_more else "",
    )


def _add_differences(sheet: Sheet, differences: "RunDifferences") -> None:
    title = f"Different when it succeeded, in {differences.run_name} ({short_id(differences.run_id)})"
    sheet.table(
        title,
        differences.inputs,
        (
            Column("input", lambda each: each.key),
            Column("here", lambda each: _given(each.here), least=12),
            Column("there", lambda each: _given(each.there), least=12),
        ),
        more="not everything could be compared" if differences.more else "",
    )


def _given(values: Any) -> str:
    return ", ".join(value.text or short_id(value.artifact_id) for value in values)


def _iteration(message: Any) -> str:
    return f"[{message.iteration}]" if message.HasField("iteration") else ""


_BLAMED = (
    Column("task", lambda task: f"{task.name}{_iteration(task)}"),
    Column("state", lambda task: State(task.state)),
    Column("type", lambda task: task.type),
    Column("id", lambda task: task.task_id),
)
_ARTIFACTS = (
    Column("id", lambda artifact: artifact.artifact_id),
    Column("name", lambda artifact: artifact.name or artifact.key, least=8),
    Column("type", lambda artifact: artifact.type, rank=1),
    Column("made by", lambda artifact: f"{artifact.task_name}{_iteration(artifact)}"),
    Column(
        "number",
        lambda artifact: number_words(artifact.number) if artifact.HasField("number") else None,
        is_number=True,
    ),
    Column("uri", lambda artifact: artifact.uri, least=16, rank=2),
)
