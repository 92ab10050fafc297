"""Links between artifacts and tasks: their direction, who made what they point to, and how a task's links are grouped."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.documents.parameters import Producer
from storage.model import NO_ITERATION, ArtifactTask, IOType, LinkedArtifact, TaskHead

OUTPUT_TYPES = frozenset({IOType.ITERATOR_OUTPUT, IOType.OUTPUT, IOType.ONE_OF_OUTPUT, IOType.TASK_FINAL_STATUS_OUTPUT})
"""Links of these types point to what a task made; all others, unknown ones too, to what it used."""

_Key = tuple[str, int, str, int | None]


@dataclass(frozen=True, slots=True)
class LinkGroup:
    """The artifacts that a task has under one key, of one type and from one producer; by iteration, then id."""

    key: str
    type: int
    producer: Producer | None
    artifacts: Sequence[LinkedArtifact]

    @property
    def is_output(self) -> bool:
        """Whether the task made them."""
        return self.type in OUTPUT_TYPES


def output_link(
    task: TaskHead, artifact_id: str, *, link_id: str, key: str, iteration: int | None = None
) -> ArtifactTask:
    """Return the link of a new artifact: an output of the task that made it, or of one of the task's iterations."""
    return ArtifactTask(
        id=link_id,
        artifact_id=artifact_id,
        task_id=task.id,
        run_id=task.run_id,
        type=IOType.OUTPUT if iteration is None else IOType.ITERATOR_OUTPUT,
        key=key,
        producer=Producer(task.name, iteration).to_text(),
        iteration=NO_ITERATION if iteration is None else iteration,
    )


def producer_of(link: ArtifactTask) -> Producer | None:
    """Return who made a linked artifact, None when the link does not say; the column holds the iteration that counts."""
    producer = Producer.from_text(link.producer)
    if link.iteration == NO_ITERATION:
        return producer
    return Producer(producer.task_name if producer else "", link.iteration)


def grouped(links: Sequence[LinkedArtifact]) -> list[LinkGroup]:
    """Return the links of one task in groups: by key, type, producing task and, for outputs of iterations, iteration.

    Groups without an iteration come before those with one.
    """
    members: dict[_Key, tuple[Producer | None, list[LinkedArtifact]]] = {}
    for linked in sorted(links, key=_link_order):
        link = linked.link
        producer = producer_of(link)
        iteration = producer.iteration if producer and link.type == IOType.ITERATOR_OUTPUT else None
        key = (link.key, link.type, producer.task_name if producer else "", iteration)
        members.setdefault(key, (producer, []))[1].append(linked)
    ordered = sorted(members, key=_group_order) if len(members) > 1 else members
    return [LinkGroup(key[0], key[1], *members[key]) for key in ordered]


def _link_order(linked: LinkedArtifact) -> tuple[int, str, int, str]:
    link = linked.link
    return link.type, link.key, link.iteration, link.artifact_id


def _group_order(key: _Key) -> tuple[str, int, str, bool, int]:
    name, type, task_name, iteration = key
    return name, type, task_name, iteration is not None, iteration or 0
