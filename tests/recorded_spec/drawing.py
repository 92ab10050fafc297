"""Reads a made specification as a page draws it, from the document alone, and holds it against tasks and links.

`complaints` lists every task that is not a node, and every link that is not an edge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from storage.model import IOType, LinkOutline, TaskOutline, TaskType

OUTPUTS = {IOType.ITERATOR_OUTPUT, IOType.OUTPUT, IOType.ONE_OF_OUTPUT, IOType.TASK_FINAL_STATUS_OUTPUT}

Path = tuple[str, ...]
"""The keys of tasks from the root down to a node."""


@dataclass(frozen=True)
class Drawing:
    """A specification, by the paths of its nodes."""

    spec: Mapping[str, Any]

    def component(self, path: Path) -> Mapping[str, Any]:
        """The component of a node; raises KeyError when the node does not exist."""
        component = self.spec["root"]
        for place in range(len(path)):
            component = self.spec["components"][self.task(path[: place + 1])["componentRef"]["name"]]
        return component

    def task(self, path: Path) -> Mapping[str, Any]:
        """The task of a node in the DAG around it; raises KeyError."""
        task: Mapping[str, Any] = self.component(path[:-1])["dag"]["tasks"][path[-1]]
        return task

    def sources(self, path: Path, key: str, kind: str) -> Iterator[tuple[Path, str]]:
        """The outputs of leaves that an input comes from; ((), key) for an input of the root."""
        if not path:
            yield (), key
            return
        name = kind[:-1].capitalize()
        source = self.task(path)["inputs"][kind][key]
        if f"taskOutput{name}" in source:
            output = source[f"taskOutput{name}"]
            producer = (*path[:-1], output["producerTask"])
            assert output["producerTask"] in self.task(path)["dependentTasks"]
            yield from self.made(producer, output[f"output{name}Key"], kind)
        elif f"componentInput{name}" in source:
            around = source[f"componentInput{name}"]
            assert around in self.component(path[:-1])["inputDefinitions"][kind]
            yield from self.sources(path[:-1], around, kind)

    def made(self, path: Path, key: str, kind: str) -> Iterator[tuple[Path, str]]:
        """An output of a node, and those of the leaves within it that it comes from."""
        component = self.component(path)
        assert key in component["outputDefinitions"][kind]
        yield path, key
        outputs = component.get("dag", {}).get("outputs", {}).get(kind, {}).get(key, {})
        single = [outputs["valueFromParameter"]] if "valueFromParameter" in outputs else []
        several = outputs.get("valueFromOneof", {}).get("parameterSelectors", outputs.get("artifactSelectors", []))
        for selector in (*single, *several):
            within = selector[f"output{kind[:-1].capitalize()}Key"]
            yield from self.made((*path, selector["producerSubtask"]), within, kind)


def complaints(spec: Mapping[str, Any], tasks: Sequence[TaskOutline], links: Sequence[LinkOutline]) -> list[str]:
    """Say what a specification lacks of tasks whose names are unlike below one parent."""
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    drawing, found = Drawing(spec), []
    paths = {task.id: path_of(task, tasks) for task in tasks}
    for task in tasks:
        try:
            component = drawing.component(paths[task.id])
        except KeyError as error:
            found.append(f"{paths[task.id]} is no node: {error}")
            continue
        if task.type == TaskType.LOOP and "parameterIterator" not in drawing.task(paths[task.id]):
            found.append(f"{paths[task.id]} is no iterator")
        if "dag" not in component and component["executorLabel"] not in spec["deploymentSpec"]["executors"]:
            found.append(f"{paths[task.id]} has no executor")
    makers = {(link.artifact_id, paths[link.task_id], link.key) for link in links if link.type in OUTPUTS}
    made = {artifact_id for artifact_id, _, _ in makers}
    for link in links:
        path = paths[link.task_id]
        if link.type in OUTPUTS:
            if link.key not in drawing.component(path)["outputDefinitions"]["artifacts"]:
                found.append(f"{path} does not put out {link.key}")
        elif path and not any(
            (link.artifact_id, maker, key) in makers or (not maker and link.artifact_id not in made)
            for name in drawing.task(path)["inputs"]["artifacts"]
            if name == link.key or name.startswith(f"{link.key}-")
            for maker, key in drawing.sources(path, name, "artifacts")
        ):
            found.append(f"{path} does not take {link.key}")
    return found


def path_of(task: TaskOutline, tasks: Sequence[TaskOutline]) -> Path:
    """The keys that lead to a task's node; the root has none."""
    by_id = {one.id: one for one in tasks}
    path: list[str] = []
    here: TaskOutline | None = task
    while here is not None and here.type != TaskType.ROOT:
        path.insert(0, here.name)
        here = by_id.get(here.parent_task_id or "")
    return tuple(path)
