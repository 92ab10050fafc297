"""What a failed task was given beside what the same task was given when it last succeeded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.rules.run_report.places import steps_of, task_at
from server.rules.run_summaries import VALUE_CHARACTERS, cut
from storage.contract import ReadTx
from storage.documents import parameters
from storage.documents.parameters import NO_VALUE
from storage.lineage import DOERS, ArtifactNode, LineageLink
from storage.model import TaskType
from storage.record import record
from storage.run_report import EarlierRun, RunFacts, TaskDetails, TaskRow

RUNS_AMONG = 1_000
"""Among how many runs before one, and then after it, a successful one is looked for."""

RUNS_WITHOUT_PIPELINE = 5
"""Among how many successful runs without a pipeline one that has the task is looked for."""

TASKS_AMONG = 20_000
"""Among how many tasks of another run the same task is looked for."""

INPUT_CHARACTERS = 256 * 1024
"""How long the parameters of a task may be, as JSON, to be compared."""

LINKS_MAX = 200
"""How many artifacts of a task are compared."""

DIFFERENCES_MAX = 200
"""How many inputs that differ are shown."""

_PRODUCERS_MAX = 200


@record
class Given:
    """One value of an input: a parameter as text, or an artifact by its uri or name."""

    text: str
    artifact_id: str = ""


@record
class Difference:
    """An input that is not the same in both runs."""

    key: str
    is_artifact: bool
    here: Sequence[Given]
    there: Sequence[Given]


@dataclass(slots=True)
class Differences:
    """What differs from a run, which is None if none has succeeded; `task_id` is empty if it does not have the task.

    `is_cut` says that something was too long, or too much, to be compared.
    """

    run: EarlierRun | None = None
    task_id: str = ""
    inputs: list[Difference] = field(default_factory=list)
    same: int = 0
    is_cut: bool = False


@dataclass(slots=True)
class _Input:
    """What was given under one key: `marks` are equal for what is equal."""

    given: list[Given] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)

    def equals(self, other: "_Input") -> bool:
        """Whether both are the same: the same artifacts, or what is equal."""
        return self.marks == other.marks or (bool(self.ids) and self.ids == other.ids)


_Inputs = dict[tuple[bool, str], _Input]  # by whether they are artifacts, and their keys


async def read_differences(
    tx: ReadTx, run: RunFacts, branch: Sequence[TaskRow], *, here: TaskDetails | None, namespace: str | None
) -> Differences:
    """Compare the last task of a branch with the same task in the nearest run that succeeded.

    Artifacts outside of `namespace`, unless it is None, are shown without uri and name.
    """
    task_id = branch[-1].id
    found = await _same_task(tx, run, branch)
    if not found.task_id:
        return found
    details = await tx.run_report.details([found.task_id], characters=INPUT_CHARACTERS)
    there = details.get(found.task_id)
    sides = _Inputs(), _Inputs()
    for inputs, one in zip(sides, (here, there), strict=True):
        found.is_cut |= one is not None and one.input_parameters == ""
        _add_parameters(inputs, one.input_parameters if one is not None else None)
    used = await tx.lineage.inputs([task_id, found.task_id], per_task=LINKS_MAX + 1)
    producers = await tx.lineage.producers(list(used.artifacts), per_artifact=_PRODUCERS_MAX)
    for inputs, id in zip(sides, (task_id, found.task_id), strict=True):
        of_task = [link for link in used.links if link.task_id == id]
        found.is_cut |= len(of_task) > LINKS_MAX
        _add_artifacts(inputs, of_task[:LINKS_MAX], used.artifacts, _made_by_runs(producers), namespace)
    _compare(found, *sides)
    return found


async def _same_task(tx: ReadTx, run: RunFacts, branch: Sequence[TaskRow]) -> Differences:
    """Return the run that is compared with, and the task in it."""
    steps = steps_of(branch)
    first: EarlierRun | None = None
    for is_before in (True, False):
        limit = 1 if run.pipeline_id else RUNS_WITHOUT_PIPELINE
        for other in await tx.run_report.succeeded(run, is_before=is_before, among=RUNS_AMONG, limit=limit):
            marks = await tx.run_report.marks(other.id, names=[step.name for step in steps], among=TASKS_AMONG)
            task_id = task_at(steps, marks) or ""
            if task_id:
                return Differences(other, task_id)
            first = first or other
        if first is not None and run.pipeline_id:
            break
    # Without a pipeline, a run that does not have the task has nothing to do with this one.
    return Differences(first if run.pipeline_id else None)


def _add_parameters(inputs: _Inputs, text: str | None) -> None:
    for each in parameters.from_text(text):
        if each.value is not NO_VALUE:
            value = _text(each.value)
            one = inputs.setdefault((False, each.key), _Input())
            if value not in one.marks:
                one.marks.add(value)
                one.given.append(Given(cut(value, VALUE_CHARACTERS)))


def _add_artifacts(
    inputs: _Inputs,
    links: Sequence[LineageLink],
    artifacts: Mapping[str, ArtifactNode],
    made: set[tuple[str, str]],
    namespace: str | None,
) -> None:
    for link in links:
        artifact = artifacts.get(link.artifact_id)
        one = inputs.setdefault((True, link.key), _Input())
        if artifact is None or artifact.id in one.ids:
            continue
        is_seen = namespace in (None, artifact.namespace)
        # What a run makes has another uri in each run.
        is_own = (artifact.id, link.run_id) in made
        one.marks.add(f"name {artifact.name}" if is_own else f"uri {artifact.uri or artifact.id}")
        one.ids.add(artifact.id)
        one.given.append(Given((artifact.uri or artifact.name) if is_seen else "", artifact.id))


def _made_by_runs(producers: Sequence[LineageLink]) -> set[tuple[str, str]]:
    """Return artifacts with the runs whose tasks made them, or found them in the cache."""
    return {
        (link.artifact_id, link.run_id)
        for link in producers
        if link.task_type in DOERS and link.task_type != TaskType.IMPORTER
    }


def _compare(found: Differences, here: _Inputs, there: _Inputs) -> None:
    nothing = _Input()
    for is_artifact, key in sorted({*here, *there}):
        one, other = here.get((is_artifact, key), nothing), there.get((is_artifact, key), nothing)
        if one.equals(other):
            found.same += 1
        elif len(found.inputs) < DIFFERENCES_MAX:
            found.inputs.append(Difference(key, is_artifact, one.given, other.given))
        else:
            found.is_cut = True


def _text(value: Any) -> str:
    """Return a value as text: equal for equal values, also for a text that is the JSON of one."""
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    )
