"""kfp_main, read back through the API of a server, is what expected/kfp_main.json says, on every database."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from lineal.v2beta1 import artifact_pb2, run_pb2

from tests.api.client import Api
from tests.api.service import serving
from tests.mlmd.expected import expected
from tests.mlmd_import.imports import imported, main_request

OUTPUTS = {"OUTPUT", "ITERATOR_OUTPUT", "ONE_OF_OUTPUT"}
OWN_OUTPUTS = {"RUNTIME", "IMPORTER"}


@pytest.fixture
async def api(migrated_url: str) -> AsyncIterator[Api]:
    await imported(main_request(migrated_url))
    async with serving(migrated_url) as addresses:
        client = Api(addresses.grpc)
        yield client
        await client.channel.close()


async def listed(method: Any, field: str, **scope: Any) -> list[Any]:
    """Every row of a list, page by page."""
    rows, token = [], ""
    while True:
        page = await method(page_token=token, page_size=50, **scope)
        rows += list(getattr(page, field))
        token = page.next_page_token
        if not token:
            return rows


def told_task(task: run_pb2.PipelineTask, wanted: dict[str, Any]) -> dict[str, Any]:
    """A task as the expected document tells one; what that leaves open is taken from it."""
    attributes = task.type_attributes
    kind = run_pb2.PipelineTask.TaskType.Name(task.type)
    outputs = values(task.outputs) if kind in OWN_OUTPUTS else wanted["outputs"]
    return {
        "mlmd_id": wanted["mlmd_id"],
        "task_id": task.task_id,
        "run_id": task.run_id,
        "namespace": wanted["namespace"],
        "name": task.name,
        "display_name": task.display_name,
        "type": kind,
        "state": run_pb2.PipelineTask.TaskState.Name(task.state),
        "parent_task_id": task.parent_task_id or None,
        "iteration_index": attributes.iteration_index if attributes.HasField("iteration_index") else None,
        "iteration_count": attributes.iteration_count if attributes.HasField("iteration_count") else None,
        "cache_fingerprint": task.cache_fingerprint,
        "pod": task.pods[0].name if task.pods else "",
        "inputs": values(task.inputs),
        "outputs": outputs,
        "create_time": task.create_time.seconds,
    }


def values(parameters: Any) -> dict[str, Any]:
    return {entry.parameter_key: MessageToDict(entry.value) for entry in parameters.parameters}


async def test_every_task_is_as_expected(api: Api) -> None:
    runs = await listed(api.ListRuns, "runs")
    wanted = {task["task_id"]: task for task in expected()["tasks"]}
    found = [task for run in runs for task in await listed(api.ListTasks, "tasks", run_id=run.run_id)]
    assert len(runs) == 16
    assert {task.task_id: told_task(task, wanted[task.task_id]) for task in found} == wanted
    assert len(found) == len(wanted)


async def test_every_artifact_is_as_expected(api: Api) -> None:
    found = {}
    for artifact in await listed(api.ListArtifacts, "artifacts"):
        found[artifact.artifact_id] = {
            "type": artifact_pb2.Artifact.ArtifactType.Name(artifact.type),
            "name": artifact.name or None,
            "namespace": artifact.namespace,
            "uri": artifact.uri,
            "number_value": artifact.number_value if artifact.HasField("number_value") else None,
            "metadata": {key: MessageToDict(value) for key, value in artifact.metadata.items()},
        }
    wanted = {artifact["artifact_id"]: artifact for artifact in expected()["artifacts"]}
    assert found == {
        id: {key: value for key, value in artifact.items() if key not in ("mlmd_id", "artifact_id")}
        for id, artifact in wanted.items()
    }


async def test_every_event_is_a_link(api: Api) -> None:
    runs = [run.run_id for run in await listed(api.ListRuns, "runs")]
    links = Counter()
    for link in await listed(api.ListArtifactTasks, "artifact_tasks", run_ids=runs):
        direction = "OUTPUT" if artifact_pb2.IOType.Name(link.type) in OUTPUTS else "INPUT"
        links[link.artifact_id, link.task_id, direction, link.key] += 1
    wanted = Counter((e["artifact_id"], e["task_id"], e["direction"], e["key"]) for e in expected()["events"])
    assert not wanted - links
    assert wanted.total() == 67


async def test_runs_bear_the_names_and_states_that_kfp_knew(api: Api) -> None:
    runs = {run.run_id: run for run in await listed(api.ListRuns, "runs")}
    default = {experiment.experiment_id for experiment in await listed(api.ListExperiments, "experiments")}
    assert {run.experiment_id for run in runs.values()} == default
    first = runs["3883dfda-8676-4706-a06c-aecb5dba8e01"]
    assert first.display_name.startswith("linear-training")
