"""The graph of a recorded run, written as a pipeline specification of schema version 2.1.0.

It has what KFP's UI needs to draw it: pipelineInfo, root.dag and deploymentSpec. The message is that of kfp-pipeline-spec.
"""

import re
from typing import Any

from server.recorded_spec.flow import Flow
from server.recorded_spec.recording import LINKS_MAX, SDK_VERSION, Recording
from server.recorded_spec.tree import ARTIFACTS, PARAMETERS, Constant, Input, Node, Output, Source, tree_of
from server.recorded_spec.types import constant_of, schema_of
from storage.documents.plain import compact
from storage.model import TaskType

_SCHEMA_VERSION = "2.1.0"
_ITEMS_MAX = 1_000
_ITEMS_CHARACTERS = 64 * 1024
_NAME_CHARACTERS = 128


def make_spec(recording: Recording) -> dict[str, Any]:
    """Return the specification of what was recorded, as plain JSON."""
    tree = tree_of(recording.tasks)
    flow = Flow(tree)
    flow.add(recording.links[:LINKS_MAX])
    names: dict[Node, str] = {}
    for node in tree.walk():
        if node is not tree.root:
            names[node] = _free_name(node.key, len(names))
    spec: dict[str, Any] = {
        "pipelineInfo": {"name": _slug(recording.run.display_name), "description": _description(recording, flow)},
        "schemaVersion": _SCHEMA_VERSION,
        "sdkVersion": SDK_VERSION,
        "root": _component(tree.root, names),
        "components": {f"comp-{name}": _component(node, names) for node, name in names.items()},
        "deploymentSpec": {
            "executors": {f"exec-{name}": _executor(node) for node, name in names.items() if not node.is_dag}
        },
    }
    return spec


def _free_name(key: str, number: int) -> str:
    return f"{_slug(key)}-{number + 1}"


def _slug(text: str) -> str:
    """Return a text as a valid name of a pipeline: a-z, 0-9 and hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:_NAME_CHARACTERS] or "recorded"


def _description(recording: Recording, flow: Flow) -> str:
    count, shown_count = recording.activity.task_count, len(recording.tasks)
    sentences = ["Made from the recorded tasks of a run that has no specification."]
    if count > shown_count:
        sentences.append(f"It shows the first {shown_count:,} of {count:,} tasks.")
    if len(recording.links) > LINKS_MAX:
        sentences.append(f"Only the first {LINKS_MAX:,} links to artifacts are included.")
    if flow.is_cut:
        sentences.append("Some inputs and outputs are left out because there are too many.")
    return " ".join(sentences)


def _component(node: Node, names: dict[Node, str]) -> dict[str, Any]:
    component: dict[str, Any] = {}
    types = {kind: dict(node.input_types[kind]) for kind in (PARAMETERS, ARTIFACTS)}
    if node.type == TaskType.LOOP:
        types[PARAMETERS].setdefault(_item_key(node), {"parameterType": "STRING"})
    for field, definitions in (("inputDefinitions", types), ("outputDefinitions", node.output_types)):
        if any(definitions.values()):
            component[field] = {kind: entries for kind, entries in definitions.items() if entries}
    if not node.is_dag:
        component["executorLabel"] = f"exec-{names[node]}"
        return component
    dag: dict[str, Any] = {"tasks": {key: _task(child, names) for key, child in node.children.items()}}
    outputs = {
        PARAMETERS: {key: _parameter_output(list(entries)) for key, entries in node.dag_outputs[PARAMETERS].items()},
        ARTIFACTS: {
            key: {"artifactSelectors": [_selector(one, "outputArtifactKey") for one in entries]}
            for key, entries in node.dag_outputs[ARTIFACTS].items()
        },
    }
    if any(outputs.values()):
        dag["outputs"] = {kind: entries for kind, entries in outputs.items() if entries}
    component["dag"] = dag
    return component


def _parameter_output(outputs: list[Output]) -> dict[str, Any]:
    selectors = [_selector(one, "outputParameterKey") for one in outputs]
    if len(selectors) == 1:
        return {"valueFromParameter": selectors[0]}
    return {"valueFromOneof": {"parameterSelectors": selectors}}


def _selector(output: Output, key_name: str) -> dict[str, Any]:
    return {"producerSubtask": output.task, key_name: output.key}


def _task(node: Node, names: dict[Node, str]) -> dict[str, Any]:
    task: dict[str, Any] = {"taskInfo": {"name": node.title}, "componentRef": {"name": f"comp-{names[node]}"}}
    inputs = {
        kind: {key: _source(source, kind) for key, source in node.inputs[kind].items()}
        for kind in (PARAMETERS, ARTIFACTS)
    }
    if any(inputs.values()):
        task["inputs"] = {kind: sources for kind, sources in inputs.items() if sources}
    if node.dependencies:
        task["dependentTasks"] = sorted(node.dependencies)
    if node.type == TaskType.LOOP:
        task["parameterIterator"] = {"items": {"raw": _items(node)}, "itemInput": _item_key(node)}
    return task


def _source(source: Source, kind: str) -> dict[str, Any]:
    name = "Artifact" if kind == ARTIFACTS else "Parameter"
    match source:
        case Output(task, key):
            return {f"taskOutput{name}": {"producerTask": task, f"output{name}Key": key}}
        case Input(key):
            return {f"componentInput{name}": key}
        case Constant(value):
            return {"runtimeValue": {"constant": value}}


def _item_key(loop: Node) -> str:
    return next(iter(loop.items), "item")


def _items(loop: Node) -> str:
    """Return the items of a loop as JSON; the numbers of its iterations if the items were not recorded or are too many."""
    items = [constant_of(item) for item in loop.items.get(_item_key(loop), ())[:_ITEMS_MAX]]
    if items:
        text = compact(items)
        if len(text) <= _ITEMS_CHARACTERS:
            return text
    return compact(list(range(min(loop.iteration_count(), _ITEMS_MAX))))


def _executor(node: Node) -> dict[str, Any]:
    if node.type != TaskType.IMPORTER:
        return {"container": {"image": ""}}  # which image ran was not recorded
    definition = next(iter(node.output_types[ARTIFACTS].values()), {"artifactType": schema_of(0)})
    return {"importer": {"artifactUri": {"constant": node.uri}, "typeSchema": definition["artifactType"]}}
