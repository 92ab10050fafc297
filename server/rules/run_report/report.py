"""What happened in one run, read with a bounded number of statements and rows, however large it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.rules import checks
from server.rules.run_report.charts import Charts, charts_of
from server.rules.run_report.differences import INPUT_CHARACTERS, Differences, read_differences
from server.rules.run_report.logs import PodLog, pod_logs
from server.rules.run_report.places import ended_at
from server.rules.run_report.progress import TASKS_MAX, Progress, read_progress
from server.rules.run_report.series import read_series
from server.rules.run_report.specification import Specification
from server.rules.run_report.unreached import Unreached, unreached
from server.rules.run_summaries import (
    LINKS_MAX,
    METRIC_COLUMNS_MAX,
    PARAMETERS_CHARACTERS,
    failed_tasks,
    first_line,
    shown_value,
    started_with,
)
from server.rules.run_summaries import TASKS_MAX as LIST_TASKS_MAX
from server.rules.runs import FINISHED
from storage.contract import ReadTx
from storage.documents import histories
from storage.documents.enums import RUN_STATES
from storage.documents.tasks import message_of_status
from storage.errors import RowNotFound, TooManyRows
from storage.lineage import ArtifactNode
from storage.model import ArtifactType, RunState
from storage.overview import RunMetric
from storage.run_report import MadeArtifact, RunFacts, TaskMark, TaskRow

PARAMETERS_MAX = 200
"""How many parameters of a run are shown."""

ARTIFACTS_MAX = 100
"""How many artifacts that a run made are shown."""

ARTIFACTS_AMONG = 2_000
"""Among how many of a run's newest links they are looked for."""

CHARTS_MAX = 6
"""How many artifacts with curves or matrices are drawn."""

CHART_CHARACTERS = 256 * 1024
"""How long the metadata of such an artifact may be, as JSON."""

SPEC_CHARACTERS_MAX = 4 * 1024 * 1024
"""How long a specification may be for its tasks to be shown."""

_LOOKED_AT = 2 * LIST_TASKS_MAX

SUCCEEDED = RunState.SUCCEEDED.name


@dataclass(slots=True)
class Report:
    """What happened in a run. `branch` leads from ROOT to the task that failed first, and is empty if none did.

    `series_texts` are the metadata of metrics with a series, by the ids of these.
    """

    facts: RunFacts
    progress: Progress
    retries: int = 0
    error: str = ""
    branch: Sequence[TaskRow] = ()
    message: str = ""
    pods: Sequence[PodLog] = ()
    differences: Differences = field(default_factory=Differences)
    spec: str | None = None
    marks: Sequence[TaskMark] = ()
    is_unreached_cut: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[RunMetric] = ()
    series_texts: Mapping[str, str] = field(default_factory=dict)
    made: Sequence[MadeArtifact] = ()
    charts: Sequence[tuple[ArtifactNode, Charts]] = ()

    @property
    def failed_after(self) -> int | None:
        """How many microseconds after the run was created the task that failed first ended."""
        end = ended_at(self.branch[-1]) if self.branch else None
        return None if end is None else max(0, end - self.facts.created_at)

    def unreached(self) -> list[Unreached]:
        """Return what of the specification has no recorded task. This takes time: it is for after the transaction."""
        return unreached(Specification(self.spec), self.marks) if self.spec else []


async def read_facts(tx: ReadTx, run_id: str, namespace: str | None) -> RunFacts:
    """Return the facts of a run; raises NotFound if it does not exist, or is outside of the namespace, unless that is None."""
    try:
        facts = await tx.run_report.facts(checks.known_id("run", run_id), characters=PARAMETERS_CHARACTERS)
    except RowNotFound:
        raise checks.not_found("run", run_id) from None
    if namespace not in (None, facts.namespace):
        raise checks.not_found("run", run_id)
    return facts


async def read_report(tx: ReadTx, run_id: str, namespace: str | None, *, marks_here: int | None) -> Report:
    """Read what happened in a run. Raises NotFound if the caller, who sees one namespace or all (None), may not see it.

    More tasks to be compared with a specification than `marks_here` raise TooManyRows.
    """
    facts = await read_facts(tx, run_id, namespace)
    report = Report(facts, await read_progress(tx, facts.id, state=facts.state, updated_at=facts.updated_at))
    report.retries, report.error = _history(facts)
    if facts.state == RunState.FAILED.name:
        await _read_failure(tx, report, namespace)
    if facts.state != SUCCEEDED and facts.pipeline_spec_id is not None:
        report.spec = await tx.run_report.spec(facts.id, characters=SPEC_CHARACTERS_MAX)
        report.is_unreached_cut = report.spec is None or report.progress.has_more
        if not report.is_unreached_cut:
            if marks_here is not None and sum(each.count for each in report.progress.counts) > marks_here:
                raise TooManyRows
            report.marks = await tx.run_report.marks(facts.id, names=None, among=TASKS_MAX)
        else:
            report.spec = None
    inputs = await tx.overview.root_inputs([facts.id], characters=PARAMETERS_CHARACTERS)
    parameters = started_with(facts.runtime_config, inputs.get(facts.id))
    report.parameters = {name: shown_value(parameters[name]) for name in sorted(parameters)[:PARAMETERS_MAX]}
    report.metrics = await tx.overview.metrics([facts.id], per_run=METRIC_COLUMNS_MAX, among=LINKS_MAX)
    metric_ids = [metric.artifact_id for metric in report.metrics]
    report.series_texts = await read_series(tx, metric_ids)
    await _read_made(tx, report, namespace)
    return report


async def _read_failure(tx: ReadTx, report: Report, namespace: str | None) -> None:
    run_id = report.facts.id
    failed = (await failed_tasks(tx, [run_id])).get(run_id)
    if (failed is None or not failed.is_doer) and sum(each.count for each in report.progress.counts) > _LOOKED_AT:
        # In the middle of a large run, where lists do not look.
        failed = (await tx.overview.failed_tasks([run_id], newest=True, among=TASKS_MAX)).get(run_id, failed)
    if failed is None:
        return
    report.branch = await tx.run_report.branch(failed.id)
    report.message = message_of_status(report.branch[-1].status)
    details = await tx.run_report.details([failed.id], characters=INPUT_CHARACTERS)
    here = details.get(failed.id)
    report.pods = pod_logs(here.pods if here is not None else None, report.facts.namespace)
    report.differences = await read_differences(tx, report.facts, report.branch, here=here, namespace=namespace)


async def _read_made(tx: ReadTx, report: Report, namespace: str | None) -> None:
    made = await tx.run_report.made(report.facts.id, among=ARTIFACTS_AMONG, limit=ARTIFACTS_MAX + 1)
    report.made = [each for each in made if namespace in (None, each.artifact.namespace)]
    with_charts = [each.artifact for each in report.made if each.artifact.type == ArtifactType.ClassificationMetric]
    wanted = {artifact.id: artifact for artifact in with_charts[:CHARTS_MAX]}
    metadata = await tx.run_report.metadata(list(wanted), characters=CHART_CHARACTERS) if wanted else {}
    report.charts = [(wanted[id], charts_of(metadata[id])) for id in wanted if id in metadata]


def _history(facts: RunFacts) -> tuple[int, str]:
    """Return how often a run was started again, and the first line of the error of its last state."""
    retries, was_final, error = 0, False, ""
    for entry in histories.from_text(facts.state_history, RUN_STATES):
        is_final = RUN_STATES.name_of(entry.state) in FINISHED
        retries += was_final and not is_final
        was_final = is_final
        error = first_line(entry.message)
    return retries, error
