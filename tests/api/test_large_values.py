"""Values too large for the event loop are converted in another process, and are what small values are: stored, merged and shown."""

import asyncio
import json
from typing import Any

import pytest
from google.protobuf import json_format

from server.calls.apart import APART_BYTES
from tests.api.builders import (
    a_parameter,
    a_run,
    a_spec,
    a_task,
    an_artifact,
    new_artifact,
    new_run_and_task,
    unique,
    with_inputs,
)
from tests.api.client import Api, code
from tests.rest.client import Answer, ask

pytestmark = pytest.mark.one_database

NUMBERS = [number / 8 for number in range(APART_BYTES // 4)]
METADATA = {"values": {"list_value": {"values": [{"number_value": number} for number in NUMBERS]}}}
TEXT = "x" * (APART_BYTES + 1)


async def asked(rest: str, verb: str, path: str, plain: Any = None) -> Answer:
    return await ask(rest, verb, f"/apis/v2beta1/{path}", text="" if plain is None else json.dumps(plain))


def numbers_of(artifact: Any) -> list[float]:
    return [value.number_value for value in artifact.metadata["values"].list_value.values]


async def test_a_large_artifact_is_the_same_through_both_doors(api: Api, rest: str, helped: list[str]) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id, metadata=METADATA)
    assert helped == ["_RecordOf", "artifact_data"]
    assert numbers_of(await api.GetArtifact(artifact_id=artifact_id)) == NUMBERS
    shown = (await asked(rest, "GET", f"artifacts/{artifact_id}")).json
    assert shown["metadata"] == {"values": NUMBERS}
    assert helped[2:] == ["get_artifact", "get_artifact"]
    (linked,) = (await api.GetTask(run_id=run_id, task_id=task_id)).outputs.artifacts
    assert numbers_of(linked.artifacts[0]) == NUMBERS
    assert helped[-1] == "get_task"


async def test_a_large_body_is_read_in_another_process(api: Api, rest: str, helped: list[str]) -> None:
    run_id, task_id = await new_run_and_task(api)
    new = {"name": "a", "namespace": "n", "type": "Model", "metadata": {"values": NUMBERS}}
    request = {"artifact": new, "run_id": run_id, "task_id": task_id, "producer_key": "out"}
    created = (await asked(rest, "POST", "artifacts", request)).json
    assert helped[0] == "_read_body"
    assert numbers_of(await api.GetArtifact(artifact_id=created["artifact_id"])) == NUMBERS
    refused = await asked(rest, "POST", "artifacts", {**request, "unknown": TEXT})
    assert (refused.status, refused.reason) == (400, "INVALID_JSON")


async def test_large_and_small_artifacts_of_a_bulk_keep_their_order(api: Api, helped: list[str]) -> None:
    run_id, task_id = await new_run_and_task(api)
    items = [
        {
            "run_id": run_id,
            "task_id": task_id,
            "producer_key": "out",
            "artifact": an_artifact(str(number), metadata=METADATA if number % 2 else {}),
        }
        for number in range(4)
    ]
    created = (await api.CreateArtifactsBulk(artifacts=items)).artifacts
    assert helped == ["_RecordOf"] * 2 + ["artifact_data"] * 2
    assert [artifact.name for artifact in created] == ["0", "1", "2", "3"]
    assert [len(numbers_of(artifact)) for artifact in created] == [0, len(NUMBERS)] * 2
    ids = {artifact.artifact_id for artifact in created}
    listed = (await api.ListArtifacts(page_size=4, sort_by="created_at desc")).artifacts
    assert {artifact.artifact_id: numbers_of(artifact) for artifact in listed if artifact.artifact_id in ids} == {
        artifact.artifact_id: numbers_of(artifact) for artifact in created
    }


async def test_large_parameters_of_a_task_are_merged(api: Api, helped: list[str]) -> None:
    run_id, _ = await new_run_and_task(api)
    created = await api.CreateTask(run_id=run_id, task=with_inputs(a_parameter("large", TEXT), name="t"))
    assert helped == ["partial", "task_data"]
    ids = {"run_id": run_id, "task_id": created.task_id}

    async def parameters() -> dict[str, str]:
        task = await api.GetTask(**ids)
        return {each.parameter_key: each.value.string_value for each in task.inputs.parameters}

    await api.UpdateTask(**ids, task=with_inputs(a_parameter("small", "s")))  # merged with what is large
    assert await parameters() == {"large": TEXT, "small": "s"}
    await api.UpdateTask(**ids, task=with_inputs(a_parameter("large", TEXT + "y")))
    assert await parameters() == {"large": TEXT + "y", "small": "s"}
    assert helped.count("_merge") == 2
    bulk = {created.task_id: with_inputs(a_parameter("small", TEXT))}
    await api.UpdateTasksBulk(run_id=run_id, tasks=bulk)
    assert await parameters() == {"large": TEXT + "y", "small": TEXT}


async def test_concurrent_updates_of_a_large_task_are_all_kept(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    keys = [f"k{number}" for number in range(4)]
    updates = [with_inputs(a_parameter(key, TEXT)) for key in keys]
    await asyncio.gather(*(api.UpdateTask(run_id=run_id, task_id=task_id, task=update) for update in updates))
    task = await api.GetTask(run_id=run_id, task_id=task_id)
    assert sorted(each.parameter_key for each in task.inputs.parameters) == keys


async def test_a_large_update_is_refused_as_a_small_one(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    update = with_inputs(a_parameter("large", TEXT), a_parameter("nul", "\x00"))
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=update)) == "INVALID_ARGUMENT"
    unknown = with_inputs(a_parameter("large", TEXT))
    assert await code(api.UpdateTask(run_id=run_id, task_id="no-such-task", task=unknown)) == "NOT_FOUND"


async def test_a_run_with_a_large_specification_is_created_and_shown(api: Api, rest: str, helped: list[str]) -> None:
    spec = a_spec({"rounds": {"parameterType": "STRING", "description": TEXT}}, sdkVersion=unique("sdk"))
    asked_run = a_run(pipeline_spec=spec, parameters={"rounds": "3"})
    run = await api.CreateRun(run=asked_run)
    assert helped == ["_read_start", "run_message"]
    assert json_format.MessageToDict(run.pipeline_spec) == spec
    assert json_format.MessageToDict((await api.GetRun(run_id=run.run_id)).pipeline_spec) == spec
    assert (await asked(rest, "GET", f"runs/{run.run_id}")).json["pipeline_spec"] == spec
    assert await code(api.CreateRun(run=a_run(pipeline_spec=spec))) == "INVALID_ARGUMENT"
    nowhere = a_run(pipeline_spec=spec, experiment_id="no-such-experiment")
    assert await code(api.CreateRun(run=nowhere)) == "NOT_FOUND"


async def test_small_values_are_converted_where_they_are(api: Api, helped: list[str]) -> None:
    run_id, task_id = await new_run_and_task(api)
    await new_artifact(api, run_id, task_id, metadata={"a": {"number_value": 1.0}})
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=a_task())
    await api.GetRun(run_id=run_id, view="FULL")
    assert helped == []
