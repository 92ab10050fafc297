"""A store written by ML Metadata's own library, imported, added to, trued up; each node compared with what that library answers.

What must come out is told here from the library's answers alone; the import reads the tables behind them.
"""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest
from google.protobuf.json_format import MessageToDict
from lineal.v2beta1 import artifact_pb2, run_pb2

from migrations.mlmd.write.row_kinds import Kind
from tests.api.client import Api
from tests.api.service import serving
from tests.conftest import HAS_MLMD_WHEEL
from tests.mlmd_import.imports import asked_for_file, imported
from tests.mlmd_import.test_read_back import listed

CHECKOUT = Path(__file__).parents[2]
PYTHON = CHECKOUT / ".venv-mlmd" / "bin" / "python"
SESSION = Path(__file__).with_name("mlmd_session.py")
BOUND_SECONDS = 240.0

STATES = {"RUNNING": "RUNNING", "COMPLETE": "SUCCEEDED", "FAILED": "FAILED", "CANCELED": "SKIPPED", "CACHED": "CACHED"}
RUN_CONTEXTS = ("system.PipelineRun", "pipeline_run")
TYPES = {"system.Dataset": "Dataset", "system.Model": "Model", "system.Metrics": "Metric"}
TASKS = {"system.DAGExecution": "DAG", "system.ContainerExecution": "RUNTIME"}

Node = dict[str, Any]


def id_of(name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, name))


def properties(node: Node, *fields: str) -> Node:
    """Properties as plain values; own and custom ones unless one kind is named."""
    return {
        name: plain(value)
        for field in fields or ("properties", "custom_properties")
        for name, value in node.get(field, {}).items()
    }


def plain(value: Node) -> Any:
    """A property as JSON: the library writes integers of 64 bits as text."""
    [(kind, held)] = value.items()
    return int(held) if kind == "int_value" else held


class OnProgress:
    """What the library answers, and what must come of it."""

    def __init__(self, document: dict[str, list[Node]]) -> None:
        self.contexts, self.events = document["contexts"], document["events"]
        self.artifacts = {int(node["id"]): node for node in document["artifacts"]}
        self.executions = {int(node["id"]): node for node in document["executions"]}
        self.run_of = {
            execution: context
            for context in self.contexts
            if context["type"] in RUN_CONTEXTS
            for execution in context["executions"]
        }
        self.iterations = {
            id: node for id, node in self.executions.items() if "iteration_index" in properties(node)
        }  # fmt: skip

    def run_id(self, context: Node) -> str:
        return str(context["name"]) if context["type"] == "system.PipelineRun" else id_of(f"context:{context['id']}")

    def namespace(self, artifact_id: int) -> str:
        found = {
            properties(context).get("namespace", "")
            for context in self.contexts
            if context["type"] in RUN_CONTEXTS and artifact_id in context["artifacts"]
        }
        return found.pop() if found else ""

    def tasks(self) -> dict[str, Node]:
        return {id_of(f"execution:{id}"): self.task(id) for id in self.run_of if id not in self.iterations}

    def task(self, id: int) -> Node:
        node, context = self.executions[id], self.run_of[id]
        held = properties(node, "custom_properties")
        if context["type"] != "system.PipelineRun":
            own = {"name": "Trainer", "type": "RUNTIME", "parent": "", "iteration": None, "pod": "", "fingerprint": ""}
            own |= {"inputs": properties(node), "outputs": {}}
        else:
            parent = held.get("parent_dag_id", 0)
            iteration = self.iterations.get(parent)
            above = properties(iteration)["parent_dag_id"] if iteration else parent
            own = {
                "name": held["task_name"] or "ROOT",
                "type": "LOOP" if "iteration_count" in held else TASKS[node["type"]] if parent else "ROOT",
                "parent": id_of(f"execution:{above}") if above else "",
                "iteration": properties(iteration)["iteration_index"] if iteration else None,
                "pod": held.get("pod_name", ""),
                "inputs": held.get("inputs", {}),
                "outputs": held.get("outputs", {}),
            }
            if str(held["task_name"]).startswith("condition-"):
                own["type"] = "CONDITION_BRANCH"
            # Of a task that did not succeed nothing could be used again.
            ended = node["last_known_state"] in ("COMPLETE", "CACHED")
            own["fingerprint"] = held.get("cache_fingerprint", "") if ended else ""
        return own | {
            "run_id": self.run_id(context),
            "state": self.root_state(id) if own["type"] == "ROOT" else STATES[node["last_known_state"]],
            "created": int(node["create_time_since_epoch"]),
        }

    def root_state(self, id: int) -> str:
        """KFP left every root RUNNING: what the tasks below it say."""
        below = [node for node in self.executions.values() if properties(node).get("parent_dag_id") == id]
        states = {node["last_known_state"] for node in below}
        return next((STATES[state] for state in ("RUNNING", "FAILED") if state in states), "SUCCEEDED")

    def artifact_ids(self, id: int) -> list[str]:
        """The ids of what an artifact becomes: one each number of a row of metrics, else one."""
        names = sorted(self.numbers(id))
        return [id_of(f"artifact:{id}"), *(id_of(f"artifact:{id}:{name}") for name in names[1:])]

    def numbers(self, id: int) -> dict[str, float]:
        node = self.artifacts[id]
        held = properties(node) if node["type"] == "system.Metrics" else {}
        return {name: value for name, value in held.items() if isinstance(value, float)}

    def artifact_rows(self) -> dict[str, Node]:
        return {artifact_id: row for id in self.artifacts for artifact_id, row in self.artifact(id).items()}

    def artifact(self, id: int) -> dict[str, Node]:
        node = self.artifacts[id]
        row = {"uri": node["uri"], "namespace": self.namespace(id), "type": TYPES.get(node["type"], "Artifact")}
        numbers = self.numbers(id)
        if numbers:
            return {
                artifact_id: row | {"name": name, "number": numbers[name], "metadata": {name: numbers[name]}}
                for artifact_id, name in zip(self.artifact_ids(id), sorted(numbers), strict=True)
            }
        held = properties(node)
        keys = [event["path"]["steps"][0]["key"] for event in self.events if self.made(event, id)]
        metadata = {name: unwrapped(value) for name, value in held.items()}
        for hidden in ("display_name", "store_session_info"):
            metadata.pop(hidden, None)
        if node["type"] not in TYPES:
            metadata["_kfp_schema_title"] = node["type"]
        name = held.get("display_name") or next(iter(keys), "")
        return {id_of(f"artifact:{id}"): row | {"name": name, "number": None, "metadata": metadata}}

    def made(self, event: Node, artifact_id: int) -> bool:
        return int(event["artifact_id"]) == artifact_id and event["type"] == "OUTPUT"

    def links(self) -> Counter[tuple[str, str, str, str]]:
        return Counter(
            (artifact_id, id_of(f"execution:{event['execution_id']}"), event["type"], event["path"]["steps"][0]["key"])
            for event in self.events
            for artifact_id in self.artifact_ids(int(event["artifact_id"]))
        )


def unwrapped(value: Any) -> Any:
    """What KFP wrapped a list or an object in."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("list", "struct"):
        return next(iter(value.values()))
    return value


def session(what: str, store: Path) -> str:
    done = subprocess.run(
        [PYTHON, SESSION, what, store], capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


async def found(url: str) -> dict[str, Any]:
    """What the store holds, read through the API as the comparison tells it."""
    async with serving(url) as addresses:
        api = Api(addresses.grpc)
        runs = await listed(api.ListRuns, "runs")
        ids = [run.run_id for run in runs]
        tasks = [task for id in ids for task in await listed(api.ListTasks, "tasks", run_id=id)]
        artifacts = await listed(api.ListArtifacts, "artifacts")
        links = await listed(api.ListArtifactTasks, "artifact_tasks", run_ids=ids)
        await api.channel.close()
    return {
        "runs": {run.run_id: run.display_name for run in runs},
        "tasks": {task.task_id: told_task(task) for task in tasks},
        "artifacts": {artifact.artifact_id: told_artifact(artifact) for artifact in artifacts},
        "links": Counter(told_link(link) for link in links),
    }


def told_task(task: run_pb2.PipelineTask) -> Node:
    attributes = task.type_attributes
    return {
        "name": task.name,
        "type": run_pb2.PipelineTask.TaskType.Name(task.type),
        "parent": task.parent_task_id,
        "iteration": attributes.iteration_index if attributes.HasField("iteration_index") else None,
        "pod": task.pods[0].name if task.pods else "",
        "fingerprint": task.cache_fingerprint,
        "inputs": {entry.parameter_key: MessageToDict(entry.value) for entry in task.inputs.parameters},
        "outputs": {entry.parameter_key: MessageToDict(entry.value) for entry in task.outputs.parameters},
        "run_id": task.run_id,
        "state": run_pb2.PipelineTask.TaskState.Name(task.state),
        "created": task.create_time.ToMilliseconds(),
    }


def told_artifact(artifact: artifact_pb2.Artifact) -> Node:
    return {
        "uri": artifact.uri,
        "namespace": artifact.namespace,
        "type": artifact_pb2.Artifact.ArtifactType.Name(artifact.type),
        "name": artifact.name,
        "number": artifact.number_value if artifact.HasField("number_value") else None,
        "metadata": {key: MessageToDict(value) for key, value in artifact.metadata.items()},
    }


def told_link(link: artifact_pb2.ArtifactTask) -> tuple[str, str, str, str]:
    kind = artifact_pb2.IOType.Name(link.type)
    return link.artifact_id, link.task_id, "OUTPUT" if kind in ("OUTPUT", "ITERATOR_OUTPUT") else "INPUT", link.key


async def assert_as_told(url: str, store: Path) -> OnProgress:
    """The store has exactly the nodes that the library returns."""
    told, there = OnProgress(json.loads(session("tell", store))), await found(url)
    assert there["runs"].keys() == {told.run_id(context) for context in told.run_of.values()}
    wanted = told.tasks()
    assert there["tasks"] == wanted
    assert there["artifacts"] == told.artifact_rows()
    # Loops pass on what their tasks put out, of which MLMD knows nothing.
    loops = {id for id, task in wanted.items() if task["type"] == "LOOP"}
    assert Counter({link: n for link, n in there["links"].items() if link[1] not in loops}) == told.links()
    return told


@pytest.mark.skipif(not HAS_MLMD_WHEEL, reason="ml-metadata has wheels for CPython 3.11 on x86-64 only")
async def test_every_node_is_what_ml_metadata_answers(migrated_url: str, tmp_path: Path) -> None:
    store = tmp_path / "mlmd.sqlite"
    session("make", store)
    await imported(asked_for_file(store, migrated_url))
    before = await assert_as_told(migrated_url, store)
    session("add", store)
    report = await imported(asked_for_file(store, migrated_url))
    after = await assert_as_told(migrated_url, store)
    assert (len(before.executions), len(after.executions)) == (15, 19)
    assert report.records[Kind.RUN]["created"] == 2
    assert report.records[Kind.TASK]["updated"] >= 1
