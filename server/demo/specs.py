"""The compiled specification of a version of one of the demo's pipelines, as KFP's compiler would have it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.demo.parts import Output, Pipeline, Step, Value

Plain = dict[str, Any]

_NUMBER = {"parameterType": "NUMBER_DOUBLE"}


def spec_of(pipeline: Pipeline, version: int) -> Plain:
    """Return the specification of a version, counted from 1."""
    steps = pipeline.of(version)
    everywhere = list(_all(steps))
    makers = {f"{step.name}.{output.key}": output.type for step in everywhere for output in step.makes}
    components: Plain = {}
    executors: Plain = {}
    for step in everywhere:
        components[f"comp-{step.name}"] = _component(step, makers, pipeline.parameters)
        if not step.steps:
            executors[f"exec-{step.name}"] = _executor(step)
    return {
        "pipelineInfo": {"name": pipeline.name, "description": pipeline.description},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.14.6",
        "root": {
            "inputDefinitions": {"parameters": {name: _type(value) for name, value in pipeline.parameters.items()}},
            "dag": {"tasks": {step.name: _task(step, steps) for step in steps}},
        },
        "components": components,
        "deploymentSpec": {"executors": executors},
    }


def _all(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all(step.steps)


def _component(step: Step, makers: Mapping[str, str], values: Mapping[str, Value]) -> Plain:
    taken = _taken(step)
    component: Plain = {
        "inputDefinitions": {
            "artifacts": {key: _artifact(makers[source]) for key, source in taken.items()},
            "parameters": {name: _type(values[name]) for name in _passed(step)}
            | {name: _NUMBER for name in step.passed},
        },
        "outputDefinitions": {
            "artifacts": {output.key: _artifact(output.type, is_list=bool(step.over)) for output in _made(step)}
            | {name: _artifact("Metric") for name in step.numbers},
            "parameters": {name: _NUMBER for name in step.results},
        },
    }
    if step.over:
        component["inputDefinitions"]["parameters"][step.over[0]] = _NUMBER
    if not step.steps:
        return component | {"executorLabel": f"exec-{step.name}"}
    tasks = {inner.name: _task(inner, step.steps) for inner in step.steps}
    selectors = {
        output.key: {"artifactSelectors": [{"producerSubtask": inner.name, "outputArtifactKey": output.key}]}
        for inner in step.steps
        for output in inner.makes
    }
    return component | {"dag": {"tasks": tasks, "outputs": {"artifacts": selectors}}}


def _made(step: Step) -> list[Output]:
    return [*step.makes, *(output for inner in step.steps for output in _made(inner))]


def _taken(step: Step) -> dict[str, str]:
    """Return the artifacts that a step takes, those of a group's steps from outside of the group under their own names."""
    if not step.steps:
        return dict(step.takes)
    inside = {inner.name for inner in _all(step.steps)}
    sources = [source for inner in step.steps for source in _taken(inner).values()]
    return {_outer(source): source for source in sources if source.partition(".")[0] not in inside}


def _passed(step: Step) -> list[str]:
    return sorted({*step.parameters, *(name for inner in step.steps for name in _passed(inner))})


def _outer(source: str) -> str:
    return source.replace(".", "-")


def _task(step: Step, siblings: Sequence[Step]) -> Plain:
    beside = {
        name: sibling.name for sibling in siblings for name in (sibling.name, *(each.name for each in sibling.steps))
    }
    artifacts: Plain = {}
    for key, source in _taken(step).items():
        maker, _, output = source.partition(".")
        if maker in beside:
            artifacts[key] = {"taskOutputArtifact": {"producerTask": beside[maker], "outputArtifactKey": output}}
        else:
            artifacts[key] = {"componentInputArtifact": _outer(source)}
    sources = [*_taken(step).values(), *step.passed.values()]
    needed = {beside[source.partition(".")[0]] for source in sources if source.partition(".")[0] in beside}
    task: Plain = {
        "taskInfo": {"name": step.name},
        "componentRef": {"name": f"comp-{step.name}"},
        "inputs": {
            "artifacts": artifacts,
            "parameters": {name: {"componentInputParameter": name} for name in _passed(step)}
            | {name: _result(source) for name, source in step.passed.items()},
        },
        "dependentTasks": sorted(needed),
        "cachingOptions": {"enableCache": True},
    }
    if step.over:
        name, values = step.over
        task["parameterIterator"] = {"itemInput": name, "items": {"raw": str(list(values))}}
    if step.type == "CONDITION_BRANCH":
        task["triggerPolicy"] = {"condition": "inputs.parameter_values['better'] == true"}
    return task


def _result(source: str) -> Plain:
    maker, _, name = source.partition(".")
    return {"taskOutputParameter": {"producerTask": maker, "outputParameterKey": name}}


def _executor(step: Step) -> Plain:
    if step.type == "IMPORTER":
        [output] = step.makes
        return {
            "importer": {
                "artifactUri": {"constant": output.uri},
                "typeSchema": {"schemaTitle": f"system.{output.type}", "schemaVersion": "0.0.1"},
                "reimport": True,
            }
        }
    return {
        "container": {
            "image": step.image,
            "command": ["python", "-m", step.name.replace("-", "_")],
            "args": [
                word for name in step.parameters for word in (f"--{name}", f"{{{{$.inputs.parameters['{name}']}}}}")
            ],
        }
    }


def _artifact(type: str, *, is_list: bool = False) -> Plain:
    title = {"Metric": "Metrics", "ClassificationMetric": "ClassificationMetrics"}.get(type, type)
    artifact: Plain = {"artifactType": {"schemaTitle": f"system.{title}", "schemaVersion": "0.0.1"}}
    return artifact | ({"isArtifactList": True} if is_list else {})


def _type(value: Value) -> Plain:
    kind = "STRING" if isinstance(value, str) else "NUMBER_DOUBLE"
    return {"parameterType": kind, "defaultValue": value}
