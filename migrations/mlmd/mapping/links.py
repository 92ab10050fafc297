"""Events become links between tasks and artifacts, and so do the outputs that groups pass on. `run` calls this.

The producer of an input is the sibling of the task that has the artifact as output, otherwise the task that made it.
Several inputs with the same key were collected from the iterations of a loop.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.parameters import clean_producer
from migrations.mlmd.vocabulary.events import INPUT, direction, key_of
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import EventRow
from migrations.mlmd.vocabulary.values import cut
from storage import lengths
from storage.documents.parameters import Producer
from storage.model import NO_ITERATION, Artifact, ArtifactTask, IOType
from storage.record import record

NAMELESS_KEY = "artifact"


@record
class ReadEvent:
    """An event whose execution and artifact exist, its direction and its key."""

    event: EventRow
    output: bool
    key: str


@record
class Side:
    """How one task used or made one artifact, before the records of the artifact and the id of the link are determined.

    The producer's iteration is the link's.
    """

    execution_id: int
    task_id: str
    artifact_id: int
    key: str
    type: IOType
    producer: Producer
    event_type: int | None = None  # None for an output that is passed on
    counts_repetition: bool = True  # whether a repeated link is a finding


def read_events(
    events: Iterable[EventRow],
    artifacts: Mapping[int, Sequence[Artifact]],
    findings: Findings,
) -> list[ReadEvent]:
    """Return the events that can become links, in their order."""
    link_events = []
    for event in events:
        records = artifacts.get(event.artifact_id)
        if not records:
            findings.add(Rule.DANGLING_EVENTS, f"event {event.id}", kind="artifact missing")
            continue
        event_direction = direction(event, findings)
        if event_direction is None:
            continue
        key = key_of(event)
        if not key:
            findings.add(Rule.EVENTS_WITHOUT_KEY, f"event {event.id}")
            key = records[0].name or NAMELESS_KEY
        link_events.append(
            ReadEvent(event, event_direction != INPUT, cut(key, lengths.KEY, findings, f"event {event.id}"))
        )
    return link_events


@dataclass(slots=True)
class Links:
    """Collects the links of one run: each task, type, key, iteration and artifact is linked once."""

    ids: Ids
    run_id: str
    findings: Findings
    records: list[ArtifactTask] = field(default_factory=list)
    _keys: set[tuple[str, int, str, int, str]] = field(default_factory=set)
    _ordinals: Counter[tuple[object, ...]] = field(default_factory=Counter)

    def add(self, side: Side, artifacts: Sequence[Artifact]) -> None:
        """Link a task to every record that an artifact became."""
        subject = f"execution {side.execution_id} artifact {side.artifact_id} {side.key}"
        key = cut(side.key, lengths.KEY, self.findings, subject)
        iteration = NO_ITERATION if side.producer.iteration is None else side.producer.iteration
        producer = clean_producer(side.producer, self.findings, subject)
        for artifact in artifacts:
            link_id = self._id(side, key, iteration)
            unique = (side.task_id, int(side.type), key, iteration, artifact.id)
            if unique in self._keys:
                if side.counts_repetition:
                    self.findings.add(Rule.DUPLICATE_LINKS, subject)
                continue
            self._keys.add(unique)
            self.records.append(
                ArtifactTask(
                    id=link_id,
                    artifact_id=artifact.id,
                    task_id=side.task_id,
                    run_id=self.run_id,
                    type=side.type,
                    key=key,
                    producer=_producer_text(producer),
                    iteration=iteration,
                )
            )

    def _id(self, side: Side, key: str, iteration: int) -> str:
        # The ordinal counts repetitions too, so that the id of a link does not depend on the keys of other links.
        if side.event_type is None:
            ordinal_key: tuple[object, ...] = (side.execution_id, side.artifact_id, None, key, iteration)
            ordinal = self._ordinals[ordinal_key]
            link_id = self.ids.propagated_link(side.execution_id, side.artifact_id, key, iteration, ordinal)
        else:
            ordinal_key = (side.execution_id, side.artifact_id, side.event_type, key)
            ordinal = self._ordinals[ordinal_key]
            link_id = self.ids.link(side.execution_id, side.artifact_id, side.event_type, key, ordinal)
        self._ordinals[ordinal_key] += 1
        return link_id


@lru_cache(maxsize=4096)
def _producer_text(producer: Producer) -> str:
    """Return the text of a producer as it is stored; cached, because most links of a run share theirs with others."""
    return producer.to_text()
