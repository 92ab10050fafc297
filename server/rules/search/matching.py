"""Which rows a query means: words in names, and qualifiers, of which those of runs are looked up for many rows at once."""

from collections.abc import Iterable, Sequence

from server.rules.lineage.choice import makers
from server.rules.lineage.graph import ARTIFACT, EXPERIMENT, RUN, TASK
from server.rules.search.query import Query
from storage.contract import ReadTx
from storage.ids import can_be_id
from storage.lineage import ArtifactNode, ExperimentNode, LineageLink, RunNode, TaskNode
from storage.record import record
from storage.search import LinksFrom

Node = RunNode | TaskNode | ArtifactNode | ExperimentNode

RUNS_AT_ONCE = 64
"""Of how many runs metrics are looked for at once."""
LINKS_AT_ONCE = 2_000
"""Among how many links of each run."""
MAKERS_MAX = 20
"""How many tasks that made an artifact are looked at: groups repeat what their tasks make, others take it from the cache."""


@record
class Question:
    """A query, and what else limits what it means.

    Nodes of `kinds` are found by id and uri, those of `named` by name too. `namespace` is the only one that is looked in, None
    for all. What is found was created from `since` to before `until`, in microseconds.
    """

    query: Query
    kinds: frozenset[str]
    named: frozenset[str]
    namespace: str | None
    since: int
    until: int


def kind_of(node: Node) -> str:
    """Return the kind of a node's ref."""
    return _KINDS[type(node)]


_KINDS: dict[type[Node], str] = {RunNode: RUN, TaskNode: TASK, ArtifactNode: ARTIFACT, ExperimentNode: EXPERIMENT}


class Words:
    """The words of a query: each is a part of a name, whatever its case, or an id, a ref or a uri."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self._set = frozenset(words)
        self._folded = [word.casefold() for word in words]

    def name(self, node: Node) -> bool:
        """Return whether a word is the id, the ref or the uri of a node."""
        return bool(self._set) and not self._set.isdisjoint(_exact_texts(node))

    def are_of(self, node: Node) -> bool:
        """Return whether all words are of a node."""
        if not self.words:
            return True
        names = _names(node).casefold()
        missing = [word for word, folded in zip(self.words, self._folded, strict=True) if folded not in names]
        return not missing or set(missing) <= set(_exact_texts(node))


def _names(node: Node) -> str:
    if isinstance(node, TaskNode):
        # In two lines, so that no word is found across them: none has a line's end, unless it is quoted.
        return f"{node.name}\n{node.display_name}"
    return node.display_name if isinstance(node, RunNode) else node.name


def _exact_texts(node: Node) -> Sequence[str]:
    uri = node.uri if isinstance(node, ArtifactNode) else None
    texts = (node.id, f"{kind_of(node)}/{node.id}")
    return (*texts, uri) if uri else texts


class Matcher:
    """Which rows have what a question's qualifiers say. Call `prepare` first."""

    def __init__(self, tx: ReadTx, question: Question) -> None:
        self._tx, self._reads = tx, tx.search
        self.question, self._query = question, question.query
        self.words = Words(question.query.words)
        self.pipelines: set[str] = set()
        """The pipelines whose id or name is the value of `pipeline:`; if there are none, it is a part of names."""
        self.experiments: set[str] = set()
        """The experiments whose id or name is the value of `experiment:`; if there are none, it is a part of names."""
        self._pipeline_names: dict[str, str] = {}
        self._experiment_names: dict[str, str] = {}
        self._has_metrics: dict[str, bool] = {}

    async def prepare(self) -> None:
        """Look up which pipelines and experiments the qualifiers name."""
        query, namespace = self._query, self.question.namespace
        if query.pipeline:
            by_id = await self._reads.pipeline_names([query.pipeline])
            pipelines = [*by_id.values(), *await self._reads.pipelines_named(query.pipeline)]
            # Those without a namespace are shared.
            self.pipelines = {each.id for each in pipelines if namespace is None or each.namespace in ("", namespace)}
        if query.experiment:
            experiments = await self._reads.experiments_by_id([query.experiment])
            named = [*experiments.values(), *await self._reads.experiments_named(query.experiment)]
            self.experiments = {each.id for each in named if self.is_here(each)}

    async def fitting(self, nodes: Sequence[Node]) -> set[str]:
        """Return the ids of those nodes, all of one kind, that have what the qualifiers say."""
        runs = [node for node in nodes if isinstance(node, RunNode)]
        tasks = [node for node in nodes if isinstance(node, TaskNode)]
        artifacts = [node for node in nodes if isinstance(node, ArtifactNode)]
        experiments = [node for node in nodes if isinstance(node, ExperimentNode)]
        if artifacts:
            return await self._fitting_artifacts(artifacts)
        if self._query.type is not None:
            return set()
        if tasks:
            found = await self._reads.runs_by_id(_distinct(task.run_id for task in tasks if self.is_here(task)))
            runs_of_tasks = await self.fitting(list(found.values()))
            return {task.id for task in tasks if task.run_id in runs_of_tasks and self.is_here(task)}
        if runs:
            return await self._with_qualifiers([run for run in runs if self._is_in_time(run)])
        return {each.id for each in experiments if self._fits_experiment(each)}

    def is_here(self, node: Node) -> bool:
        """Return whether a node is in the namespace that is looked in."""
        return self.question.namespace in (None, node.namespace)

    def _is_in_time(self, node: Node) -> bool:
        return self.question.since <= node.created_at < self.question.until

    def _fits_experiment(self, experiment: ExperimentNode) -> bool:
        query = self._query
        if (
            query.state
            or query.pipeline
            or query.metrics
            or not (self.is_here(experiment) and self._is_in_time(experiment))
        ):
            return False
        return not query.experiment or self._is_experiment(experiment.id, experiment.name)

    def _is_experiment(self, id: str, name: str) -> bool:
        if self.experiments:
            return id in self.experiments
        return id == self._query.experiment or self._query.experiment.casefold() in name.casefold()

    def _is_pipeline(self, id: str, names: str) -> bool:
        if self.pipelines:
            return id in self.pipelines
        return id == self._query.pipeline or self._query.pipeline.casefold() in names.casefold()

    async def _fitting_artifacts(self, artifacts: Sequence[ArtifactNode]) -> set[str]:
        wanted = self._query.type
        found = [
            each
            for each in artifacts
            if self.is_here(each) and self._is_in_time(each) and (wanted is None or each.type == wanted)
        ]
        ids = [each.id for each in found]
        if not self._query.is_of_runs or not ids:
            return set(ids)
        runs_of = await runs_of_artifacts(self._tx, ids)
        runs = await self._reads.runs_by_id(_distinct(run for runs in runs_of.values() for run in runs))
        fitting = await self._with_qualifiers(list(runs.values()))
        return {id for id in ids if not fitting.isdisjoint(runs_of.get(id, ()))}

    async def _with_qualifiers(self, runs: Sequence[RunNode]) -> set[str]:
        query = self._query
        runs = [run for run in runs if self.is_here(run) and query.state in ("", run.state)]
        if query.pipeline:
            await self._read_pipelines(run.pipeline_id for run in runs)
            names = self._pipeline_names
            runs = [run for run in runs if self._is_pipeline(run.pipeline_id, names.get(run.pipeline_id, ""))]
        if query.experiment:
            await self._read_experiments(run.experiment_id for run in runs)
            names = self._experiment_names
            runs = [run for run in runs if self._is_experiment(run.experiment_id, names.get(run.experiment_id, ""))]
        if query.metrics:
            await self._look_for_metrics([run.id for run in runs if run.id not in self._has_metrics])
            runs = [run for run in runs if self._has_metrics[run.id]]
        return {run.id for run in runs}

    async def _read_pipelines(self, ids: Iterable[str]) -> None:
        missing = [] if self.pipelines else _distinct(id for id in ids if id not in self._pipeline_names)
        for each in (await self._reads.pipeline_names(missing)).values() if missing else ():
            is_shown = self.question.namespace in (None, each.namespace) or not each.namespace
            self._pipeline_names[each.id] = f"{each.name}\n{each.display_name}" if is_shown else ""

    async def _read_experiments(self, ids: Iterable[str]) -> None:
        missing = [] if self.experiments else _distinct(id for id in ids if id not in self._experiment_names)
        for each in (await self._reads.experiments_by_id(missing)).values() if missing else ():
            self._experiment_names[each.id] = each.name if self.is_here(each) else ""

    async def _look_for_metrics(self, run_ids: Sequence[str]) -> None:
        for start in range(0, len(run_ids), RUNS_AT_ONCE):
            await self._look_for_metrics_of(run_ids[start : start + RUNS_AT_ONCE])

    async def _look_for_metrics_of(self, run_ids: Sequence[str]) -> None:
        metrics = self._query.metrics
        names = _distinct(metric.name for metric in metrics)
        missing = {id: set(metrics) for id in run_ids}
        after = dict.fromkeys(run_ids, "")
        while after:
            links = [LinksFrom(*item) for item in after.items()]
            for found in await self._reads.metrics_of_runs(links, names, links=LINKS_AT_ONCE):
                is_met = {each for each in metrics if each.name == found.name and each.holds(found.number)}
                missing[found.run_id] -= is_met
            links = [each for each in links if missing[each.run_id]]
            after = await self._reads.ends_of_links(links, links=LINKS_AT_ONCE) if links else {}
        self._has_metrics |= {id: not rest for id, rest in missing.items()}


async def runs_of_artifacts(tx: ReadTx, artifact_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the runs whose tasks made artifacts, as a walk along links has it; none for those that only were used."""
    links: dict[str, list[LineageLink]] = {}
    for link in await tx.lineage.producers(artifact_ids, per_artifact=MAKERS_MAX):
        links.setdefault(link.artifact_id, []).append(link)
    return {id: _distinct(link.run_id for link in makers(each, cached=False)) for id, each in links.items()}


def _distinct(ids: Iterable[str]) -> list[str]:
    return [id for id in dict.fromkeys(ids) if can_be_id(id)]
