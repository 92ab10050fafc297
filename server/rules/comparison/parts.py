"""What is compared of one run: parameters, and artifacts by what its tasks did with them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import field

from server.rules.comparison.rows import Cell, Entry
from server.rules.lineage.choice import makers, users
from server.rules.lineage.graph import artifact_ref
from storage.comparison import ComparedLink
from storage.documents import parameters
from storage.documents.parameters import NO_VALUE
from storage.documents.plain import Plain, canonical_text
from storage.documents.runs import RuntimeConfig
from storage.lineage import ArtifactNode, LineageLink
from storage.model import NO_ITERATION, ArtifactType, TaskType
from storage.record import record


@record
class Artifacts:
    """The artifacts of one run: metrics with numbers, what its tasks took from elsewhere, and what else they made."""

    metrics: list[Entry] = field(default_factory=list)
    inputs: list[Entry] = field(default_factory=list)
    outputs: list[Entry] = field(default_factory=list)


def parameters_of(runtime_config: str | None, root_inputs: str | None) -> dict[str, Cell]:
    """Return what a run was started with: the parameters it was given, and defaults as the ROOT task's inputs have them."""
    values: dict[str, Plain] = {
        each.key: each.value for each in parameters.from_text(root_inputs) if each.key and each.value is not NO_VALUE
    }
    config = RuntimeConfig.from_text(runtime_config)
    values |= config.parameters if config is not None else {}
    return {name: _parameter(value) for name, value in values.items()}


def artifacts_of(links: Sequence[ComparedLink], namespace: str | None) -> Artifacts:
    """Return the artifacts that a run has by its links, which come in the order in which they were made.

    What an importer brought, the run took from elsewhere; what a task found in the cache counts as made. Of artifacts outside of the
    namespace, unless it is None, only the ref is shown.
    """
    found = Artifacts()
    task_names = {each.link.task_id: each.task_name for each in links}
    by_artifact: dict[str, tuple[ArtifactNode, list[LineageLink]]] = {}
    for each in links:
        by_artifact.setdefault(each.artifact.id, (each.artifact, []))[1].append(each.link)
    for artifact, of_artifact in by_artifact.values():
        made = makers([link for link in of_artifact if link.is_output], cached=False)
        is_metric = artifact.type == ArtifactType.Metric and artifact.number_value is not None
        cell = _artifact(artifact, is_seen=namespace in (None, artifact.namespace))
        if made and any(link.task_type != TaskType.IMPORTER for link in made):
            name = artifact.name or made[0].key if is_metric else made[0].key or artifact.name
            (found.metrics if is_metric else found.outputs).append(_entry(name, task_names, made[0], cell))
            continue
        # Who takes an imported artifact says more of it than its importer.
        used = users([link for link in of_artifact if not link.is_output]) or made
        for link in used:
            found.inputs.append(_entry(link.key or artifact.name, task_names, link, cell))
    return found


def _entry(name: str, task_names: Mapping[str, str], link: LineageLink, cell: Cell) -> Entry:
    iteration = None if link.iteration == NO_ITERATION else link.iteration
    return Entry(name, task_names[link.task_id], link.task_id, iteration, link.artifact_id, cell)


def _parameter(value: Plain) -> Cell:
    number = _number(value)
    if number is not None:
        return Cell(("number", number), _text(value), number)
    text = value if isinstance(value, str) else _text(value)
    return Cell((type(value).__name__, canonical_text(value)), text)


def _number(value: Plain) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _text(value: Plain) -> str:
    # An imported number may be too large for a double, and is an infinity then, which compact text cannot have.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _artifact(artifact: ArtifactNode, *, is_seen: bool) -> Cell:
    ref = artifact_ref(artifact.id)
    if not is_seen:
        return Cell(ref, ref=ref)
    if artifact.type == ArtifactType.Metric and artifact.number_value is not None:
        # By its text: NaN is the same in all runs.
        return Cell(repr(artifact.number_value), artifact.uri or "", artifact.number_value, ref)
    return Cell((ref, artifact.uri), artifact.uri or "", artifact.number_value, ref)
