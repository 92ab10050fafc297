"""The recipe of an artifact: the task that made it with the groups around it, its run, parameters, inputs, metrics and image."""

from collections.abc import Mapping, Sequence

from server.rules.artifact_report.images import Images, SpecImages
from server.rules.artifact_report.sources import People, Source
from server.rules.comparison.parts import parameters_of
from server.rules.comparison.rows import Cell
from server.rules.lineage.recorded_tasks import LEVELS_MAX
from server.rules.run_summaries import LINKS_MAX, PARAMETERS_CHARACTERS
from storage.artifact_report import BranchTask, ReportedRun, SpecText, TaskInputs
from storage.documents.tasks import TypeAttributes
from storage.lineage import ArtifactNode, LineageLink, TaskNode
from storage.model import ArtifactType, TaskType
from storage.overview import RunMetric
from storage.record import record

INPUTS_MAX = 50
"""How many of the artifacts that the task took are shown."""

PARAMETERS_MAX = 200
"""How many parameters of a task or a run are shown."""

METRICS_MAX = 50
"""How many metrics about an artifact are shown."""

RUN_METRICS_MAX = 20
"""How many other metrics of its run are shown."""

MEASURING_TASKS_MAX = 20
"""Of how many tasks of the run that took an artifact metrics are shown: the first ones."""

OUTPUTS_MAX = 100
"""Among how many outputs of each of these tasks metrics are looked for."""

_METRICS = (ArtifactType.Metric, ArtifactType.ClassificationMetric, ArtifactType.SlicedClassificationMetric)
_NO_INPUTS = TaskInputs(None, 0)


@record
class Parameters:
    """Parameters by name, and whether there are more than are shown, or so long ones that none is."""

    shown: Mapping[str, Cell]
    is_cut: bool = False


@record
class Metric:
    """An artifact with a metric, and the task that made it, None if it may not be seen."""

    artifact: ArtifactNode
    link: LineageLink
    task: TaskNode | None


@record
class Recipe:
    """How an artifact was made. `branch` has the task and the groups around it, the nearest first.

    `inputs` are what the task took, by links, and `sources` where that came from, by the artifacts' ids. `metrics` are those that
    the task made, and those made by tasks of the run that took the artifact; `run_metrics` are others of the run. `spec` is what
    was read of the specification, or is kept of it.
    """

    branch: Sequence[BranchTask]
    run: ReportedRun | None
    task_parameters: Parameters
    run_parameters: Parameters
    inputs: Sequence[LineageLink]
    has_more_inputs: bool
    sources: Mapping[str, Source]
    metrics: Sequence[Metric]
    has_more_metrics: bool
    run_metrics: Sequence[RunMetric]
    spec: Images | SpecText | None

    @property
    def path(self) -> Sequence[tuple[BranchTask, int | None]]:
        """The task and the groups around it but for ROOT, the outermost first, each with its iteration."""
        groups = [each for each in reversed(self.branch) if each.type != TaskType.ROOT]
        return [(each, _iteration(each)) for each in groups]


async def read_recipe(
    people: People, specs: SpecImages, maker: LineageLink, used: Sequence[LineageLink], sources: Mapping[str, Source]
) -> Recipe:
    """Read how a task made an artifact.

    `used` are the links to tasks that took the artifact; `sources` has at least those of what `inputs_of` returns.
    """
    tx = people.tx
    branch = await tx.artifact_report.branch(maker.task_id, levels=LEVELS_MAX)
    root = next((each.id for each in branch if each.type == TaskType.ROOT), "")
    texts = await tx.artifact_report.inputs_of_tasks([maker.task_id, root], characters=PARAMETERS_CHARACTERS)
    run = await tx.artifact_report.run(maker.run_id, characters=PARAMETERS_CHARACTERS)
    links = await inputs_of(people, maker)
    metrics = await _metrics(people, maker, used)
    shown = {metric.artifact.id for metric in metrics} | {maker.artifact_id}
    of_run = await tx.overview.metrics([maker.run_id], per_run=RUN_METRICS_MAX + METRICS_MAX + 1, among=LINKS_MAX)
    shown |= await people.nodes.hidden_artifacts([each.artifact_id for each in of_run])
    config = TaskInputs(
        None if run is None else run.runtime_config, 0 if run is None else run.runtime_config_characters
    )
    return Recipe(
        branch=branch,
        run=run,
        task_parameters=_parameters(config=_NO_INPUTS, inputs=texts.get(maker.task_id, _NO_INPUTS)),
        run_parameters=_parameters(config=config, inputs=texts.get(root, _NO_INPUTS)),
        inputs=links[:INPUTS_MAX],
        has_more_inputs=len(links) > INPUTS_MAX,
        sources=sources,
        metrics=metrics[:METRICS_MAX],
        has_more_metrics=len(metrics) > METRICS_MAX,
        run_metrics=[each for each in of_run if each.artifact_id not in shown][:RUN_METRICS_MAX],
        spec=await specs.read(tx, None if run is None else run.spec_id),
    )


async def inputs_of(people: People, maker: LineageLink) -> Sequence[LineageLink]:
    """Return the links to what a task took, of which one more may be there than is shown."""
    found = await people.tx.lineage.inputs([maker.task_id], per_task=INPUTS_MAX + 1)
    people.nodes.learn(found.artifacts)
    return found.links


async def _metrics(people: People, maker: LineageLink, used: Sequence[LineageLink]) -> list[Metric]:
    """Return the metrics that say something of an artifact, those of its maker first, then by name."""
    measuring = dict.fromkeys(link.task_id for link in used if link.run_id == maker.run_id)
    task_ids = list(dict.fromkeys([maker.task_id, *list(measuring)[:MEASURING_TASKS_MAX]]))
    made = await people.tx.lineage.outputs(task_ids, per_task=OUTPUTS_MAX)
    people.nodes.learn(made.artifacts)
    found: dict[str, tuple[ArtifactNode, LineageLink]] = {}
    for link in made.links:
        artifact = people.nodes.artifact(link.artifact_id)
        if artifact is not None and artifact.id != maker.artifact_id and artifact.type in _METRICS:
            found.setdefault(artifact.id, (artifact, link))
    await people.read(link for _, link in found.values())
    return sorted(
        (Metric(artifact, link, people.task(link)) for artifact, link in found.values()),
        key=lambda each: (each.link.task_id != maker.task_id, each.artifact.name.encode(), each.artifact.id),
    )


def _parameters(*, config: TaskInputs, inputs: TaskInputs) -> Parameters:
    cells = parameters_of(config.text, inputs.text)
    shown = dict(sorted(cells.items())[:PARAMETERS_MAX])
    is_left_out = any(each.text is None and each.characters for each in (config, inputs))
    return Parameters(shown, is_cut=is_left_out or len(cells) > PARAMETERS_MAX)


def _iteration(task: BranchTask) -> int | None:
    attributes = TypeAttributes.from_text(task.type_attributes)
    return None if attributes is None else attributes.iteration_index
