"""Artifacts of a task as its inputs and outputs. `tasks` of the codec calls this.

One IOArtifact holds all artifacts of one key, type and producing task; outputs of iterations are held apart by
iteration too. Within a group artifacts come by iteration, then id; groups come by key, type, producing task and
iteration, none before the first.
"""

from collections.abc import Sequence
from typing import Any

from lineal.v2beta1 import run_pb2

from server.codec.artifacts import Producer, fill_artifact, producer_of
from storage.model import ArtifactTask, IOType, LinkedArtifact

OUTPUT_TYPES = frozenset({IOType.ITERATOR_OUTPUT, IOType.OUTPUT, IOType.ONE_OF_OUTPUT, IOType.TASK_FINAL_STATUS_OUTPUT})

_Group = tuple[str, int, str, int | None]


def add_artifacts(message: run_pb2.PipelineTask, links: Sequence[LinkedArtifact]) -> None:
    """Write the artifacts of one task into its inputs and outputs; a type that is not an output counts as input."""
    groups: dict[_Group, tuple[Producer | None, list[LinkedArtifact]]] = {}
    for one in sorted(links, key=_link_order):
        producer = producer_of(one.link)
        task_name, iteration = producer or ("", None)
        link = one.link
        group = (link.key, link.type, task_name, iteration if link.type == IOType.ITERATOR_OUTPUT else None)
        groups.setdefault(group, (producer, []))[1].append(one)
    for group in sorted(groups, key=_group_order) if len(groups) > 1 else groups:
        key, kind, _, _ = group
        producer, members = groups[group]
        side = message.outputs if kind in OUTPUT_TYPES else message.inputs
        target: Any = side.artifacts.add()
        for member in members:
            fill_artifact(target.artifacts.add(), member.artifact)
        target.type = kind
        target.artifact_key = key
        if producer is not None:
            target.producer.task_name, iteration = producer
            if iteration is not None:
                target.producer.iteration = iteration


def _link_order(linked_artifact: LinkedArtifact) -> tuple[int, str, int, str]:
    link: ArtifactTask = linked_artifact.link
    return link.type, link.key, link.iteration, link.artifact_id


def _group_order(group: _Group) -> tuple[str, int, str, bool, int]:
    key, kind, task_name, iteration = group
    return key, kind, task_name, iteration is not None, iteration or 0
