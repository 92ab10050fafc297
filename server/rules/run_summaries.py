"""What a list shows of runs: what went wrong, headline metrics, and parameters and metrics as columns.

Lists of runs and the overview call this. All runs of a page are read with the same statements, and of each run a bounded number
of rows, however large it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from server.errors import InvalidArgument
from server.rules import checks
from storage.contract import ReadTx
from storage.documents.parameters import NO_VALUE, from_text
from storage.documents.plain import compact
from storage.documents.runs import RuntimeConfig
from storage.documents.tasks import message_of_status
from storage.model import RunState
from storage.overview import FailedTask, RunMetric, RunRow
from storage.record import record
from storage.slices import in_slices

TASKS_MAX = 1_000
"""Among how many of a run's newest tasks, and then of its oldest, the failed one is looked for."""

LINKS_MAX = 500
"""Among how many of a run's newest links its metrics are looked for: those that sum it up are made at its end."""

METRICS_MAX = 8
"""How many metrics are shown of a run that no column asks for."""

METRIC_COLUMNS_MAX = 100
"""Among how many of a run's metrics, by name, those of columns are looked for."""

COLUMNS_MAX = 20
"""How many columns a request may ask for."""

LINE_CHARACTERS = 300
"""How much is shown of the first line of an error."""

VALUE_CHARACTERS = 1_000
"""How much is shown of a parameter, as JSON."""

PARAMETERS_CHARACTERS = 256 * 1024
"""How long the parameters of a run may be, as JSON, to be read for columns."""

PARAM, METRIC = "param", "metric"


@record
class Columns:
    """Which parameters and metrics are asked for, by the names of their columns."""

    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> "Columns":
        """Return the columns with these names; raises InvalidArgument."""
        checks.at_most("columns", len(names), COLUMNS_MAX)
        kinds: dict[str, dict[str, str]] = {PARAM: {}, METRIC: {}}
        for name in names:
            kind, _, inner = name.partition(":")
            if kind not in kinds or not inner:
                raise InvalidArgument(f"columns must be {PARAM}:NAME or {METRIC}:NAME", field="columns")
            kinds[kind][name] = inner
        return cls(kinds[PARAM], kinds[METRIC])


@record
class Details:
    """What was read of the runs of a page, by the ids of runs, experiments, pipelines and versions."""

    failed: Mapping[str, FailedTask]
    metrics: Mapping[str, Sequence[RunMetric]]
    configs: Mapping[str, str]
    inputs: Mapping[str, str]
    experiments: Mapping[str, str]
    pipelines: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def size(self) -> int:
        """How many characters of parameters there are."""
        return sum(map(len, (*self.configs.values(), *self.inputs.values())))


@record
class RunSummary:
    """What a list shows of a run. `failure` is the first line of what the failed task said."""

    row: RunRow
    failed: FailedTask | None
    failure: str
    metrics: Sequence[RunMetric]
    columns: Mapping[str, Any]
    experiment: str
    pipeline: str
    version: str


async def read_details(tx: ReadTx, rows: Sequence[RunRow], columns: Columns) -> Details:
    """Read what is shown of runs in addition to their rows."""
    ids = [row.id for row in rows]
    per_run = METRIC_COLUMNS_MAX if columns.metrics else METRICS_MAX
    metrics: dict[str, list[RunMetric]] = {id: [] for id in ids}
    for metric in await tx.overview.metrics(ids, per_run=per_run, among=LINKS_MAX):
        metrics[metric.run_id].append(metric)
    configs: Mapping[str, str] = {}
    inputs: Mapping[str, str] = {}
    if columns.params:
        configs = await tx.overview.runtime_configs(ids, characters=PARAMETERS_CHARACTERS)
        inputs = await tx.overview.root_inputs(ids, characters=PARAMETERS_CHARACTERS)
    return Details(
        failed=await failed_tasks(tx, [row.id for row in rows if row.state == RunState.FAILED.name]),
        metrics=metrics,
        configs=configs,
        inputs=inputs,
        experiments=await tx.overview.experiment_names([row.experiment_id for row in rows]),
        pipelines=await tx.overview.pipeline_names([row.pipeline_id for row in rows]),
        versions=await tx.overview.version_names([row.pipeline_version_id for row in rows]),
    )


async def failed_tasks(tx: ReadTx, run_ids: Sequence[str]) -> Mapping[str, FailedTask]:
    """Return which task of each run failed first, of those runs that have one."""
    newest = await tx.overview.failed_tasks(run_ids, newest=True, among=TASKS_MAX)
    # A run stops soon after a task has failed. If it went on, the task is an old one; groups end last.
    others = [id for id in run_ids if id not in newest or not newest[id].is_doer]
    oldest = await tx.overview.failed_tasks(others, newest=False, among=TASKS_MAX)
    return {**newest, **{id: task for id, task in oldest.items() if id not in newest or task.is_doer}}


async def summarize(rows: Sequence[RunRow], details: Details, columns: Columns) -> Sequence[RunSummary]:
    """Return the summaries of runs, in their order."""
    summaries: list[RunSummary] = []
    await in_slices(rows, lambda row: summaries.append(_summary(row, details, columns)))
    return summaries


def _summary(row: RunRow, details: Details, columns: Columns) -> RunSummary:
    failed, metrics = details.failed.get(row.id), details.metrics[row.id]
    by_name = {metric.name: metric.value for metric in metrics}
    values: dict[str, Any] = {column: by_name[name] for column, name in columns.metrics.items() if name in by_name}
    if columns.params:
        parameters = started_with(details.configs.get(row.id), details.inputs.get(row.id))
        values |= {
            column: shown_value(parameters[name]) for column, name in columns.params.items() if name in parameters
        }
    return RunSummary(
        row=row,
        failed=failed,
        failure="" if failed is None else first_line(message_of_status(failed.status)),
        metrics=metrics[:METRICS_MAX],
        columns=values,
        experiment=details.experiments.get(row.experiment_id, ""),
        pipeline=details.pipelines.get(row.pipeline_id, ""),
        version=details.versions.get(row.pipeline_version_id, ""),
    )


def started_with(config: str | None, inputs: str | None) -> Mapping[str, Any]:
    """Return what a run was started with, and the inputs of its ROOT task where it says nothing."""
    started = RuntimeConfig.from_text(config)
    taken = {each.key: each.value for each in from_text(inputs) if each.value is not NO_VALUE}
    return {**taken, **(started.parameters if started is not None else {})}


def shown_value(value: Any) -> Any:
    """Return a value, as text and cut if it is long."""
    text = value if isinstance(value, str) else compact(value)
    return value if len(text) <= VALUE_CHARACTERS else cut(text, VALUE_CHARACTERS)


def first_line(text: str) -> str:
    """Return the first line of a text that is not empty, cut if it is long."""
    lines: Iterable[str] = (line.strip() for line in text.splitlines())
    return cut(next(filter(None, lines), ""), LINE_CHARACTERS)


def cut(text: str, characters: int) -> str:
    """Return a text of at most so many characters, which ends with … if some were left out."""
    return text if len(text) <= characters else text[:characters] + "…"
