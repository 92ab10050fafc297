"""Links between artifacts and tasks: new links, their direction, the producer of an artifact, the grouping of a task's links."""

from collections.abc import Sequence
from typing import NamedTuple

from server.errors import InvalidArgument
from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.unusable import check_enum, column
from storage.contract import WriteTx
from storage.documents.parameters import Producer
from storage.model import NO_ITERATION, ArtifactTask, IOType, LinkedArtifact, TaskHead
from storage.record import record

OUTPUT_TYPES = frozenset({IOType.ITERATOR_OUTPUT, IOType.OUTPUT, IOType.ONE_OF_OUTPUT, IOType.TASK_FINAL_STATUS_OUTPUT})
"""Links of these types point to what a task made; all others, unknown ones too, to what it used."""

_TYPES = frozenset(type.value for type in IOType)

_Key = tuple[str, int, str, int | None]


class NewLink(NamedTuple):
    """What a client says of a link; what is empty or None was not sent."""

    artifact_id: str = ""
    task_id: str = ""
    run_id: str = ""
    type: int = 0
    key: str = ""
    producer: Producer | None = None

    def check(self) -> None:
        """Raise InvalidArgument for what is missing or too long, in the order of KFP's API server."""
        checks.require(self.artifact_id, "artifact_id is required")
        checks.require(self.task_id, "task_id is required")
        checks.require(self.run_id, "run_id is required")
        checks.require(self.type, "type is required")
        checks.require(self.producer is not None, "producer is required")
        checks.require(self.key, "key is required")
        checks.max_characters("key", self.key, MAX_CHARACTERS["ArtifactTask.key"])
        if self.producer is not None:
            checks.max_bytes("producer.task_name", self.producer.task_name, checks.TEXT_BYTES)


@record
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


def new_link(new: NewLink, *, link_id: str) -> ArtifactTask:
    """Return the record of a new link. Raises UnusableValue for a value that cannot be stored."""
    check_enum("artifact_task.type", new.type, _TYPES)
    producer = new.producer or Producer()
    return ArtifactTask(
        id=link_id,
        artifact_id=new.artifact_id,
        task_id=new.task_id,
        run_id=new.run_id,
        type=new.type,
        key=new.key,
        producer=column(producer.to_text(), "artifact_task.producer"),
        iteration=NO_ITERATION if producer.iteration is None else producer.iteration,
    )


async def keep_links(tx: WriteTx, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
    """Store links of one run and return them; for one that exists, the existing one is returned.

    Raises NotFound for unknown tasks and artifacts, InvalidArgument for tasks of other runs and links of several runs.
    """
    tasks = await tx.tasks.heads(sorted({link.task_id for link in links}))
    artifacts = await tx.artifacts.namespaces(sorted({link.artifact_id for link in links}))
    for link in links:
        checks.all_found("task", [link.task_id], tasks)
        if tasks[link.task_id].run_id != link.run_id:
            raise InvalidArgument(f"task {link.task_id!r} is not of run {link.run_id!r}")
        checks.all_found("artifact", [link.artifact_id], artifacts)
        checks.require(link.run_id == links[0].run_id, "all links of a bulk call must be of one run")
    return await tx.artifact_tasks.create(links)


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
    if len(links) == 1:
        link = links[0].link
        return [LinkGroup(link.key, link.type, producer_of(link), links)]
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
