"""Every read of Kubeflow Pipelines' web UI answers what was recorded over gRPC, field for field."""

import json
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import json_format

from tests.api.client import Api
from tests.api.service import serving
from tests.databases import create_migrated_database, drop_database
from tests.rest.client import ask
from tests.ui.recorded import Recorded, record

V2 = "/apis/v2beta1"


@dataclass(frozen=True, slots=True)
class Served:
    """A server with a recorded run: its gRPC client, the address of its REST door, the ids."""

    api: Api
    rest: str
    ids: Recorded

    async def read(self, path: str) -> Any:
        """Return the JSON of a path that answers 200."""
        answer = await ask(self.rest, "GET", path)
        assert answer.status == 200, (path, answer.body)
        return answer.json


@pytest.fixture(scope="session")
def store_url(database_kind: str) -> Iterator[str]:
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def served(store_url: str) -> AsyncIterator[Served]:
    async with serving(store_url) as addresses:
        api = Api(addresses.grpc)
        yield Served(api, addresses.rest, await record(api))
        await api.channel.close()


def as_json(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def twice_escaped(**predicate: Any) -> str:
    """A filter as the UI sends it."""
    text = json.dumps({"predicates": [predicate]})
    return urllib.parse.quote(urllib.parse.quote(text, safe=""), safe="")


async def test_a_run_is_read_as_it_was_recorded(served: Served) -> None:
    run = await served.read(f"{V2}/runs/{served.ids.run_id}")
    assert run == as_json(await served.api.GetRun(run_id=served.ids.run_id))
    wanted = {"run_id", "display_name", "description", "state", "state_history", "storage_state", "experiment_id"}
    assert wanted | {"created_at", "scheduled_at", "finished_at", "pipeline_spec", "service_account"} <= run.keys()
    assert {"state", "update_time"} <= run["state_history"][0].keys()


async def test_runs_are_listed_with_the_filters_of_the_run_list(served: Served) -> None:
    available = twice_escaped(key="storage_state", operation="NOT_EQUALS", string_value="ARCHIVED")
    query = f"experiment_id={served.ids.experiment_id}&page_token=&page_size=10&sort_by=created_at%20desc&filter={available}"
    answer = await served.read(f"{V2}/runs?{query}")
    assert [run["run_id"] for run in answer["runs"]] == [served.ids.run_id]
    archived = twice_escaped(key="storage_state", operation="EQUALS", string_value="ARCHIVED")
    assert await served.read(f"{V2}/runs?filter={archived}") == {}


async def test_tasks_are_read_as_they_were_recorded(served: Served) -> None:
    answer = await served.read(
        f"{V2}/runs/{served.ids.run_id}/tasks?page_size=200&page_token=&order_by=create_time%20asc"
    )
    listed = await served.api.ListTasks(run_id=served.ids.run_id, page_size=200, order_by="create_time asc")
    assert answer == as_json(listed)
    by_name = {task["name"]: task for task in answer["tasks"]}
    assert by_name["ROOT"]["type"] == "ROOT"
    assert "parent_task_id" not in by_name["ROOT"]
    assert by_name["loop"]["type_attributes"] == {"iteration_count": "3"}
    assert by_name["loop"]["child_tasks"] == [{"task_id": served.ids.task_id, "name": "train"}]


async def test_a_failed_step_shows_all_that_the_side_panel_reads(served: Served) -> None:
    task = await served.read(f"{V2}/runs/{served.ids.run_id}/tasks/{served.ids.task_id}")
    assert task["state"] == "FAILED"
    assert task["status_metadata"]["message"] == "out of memory"
    assert [entry["state"] for entry in task["state_history"]] == ["RUNNING", "FAILED"]
    assert task["pods"] == [{"name": "pod", "uid": "u", "type": "EXECUTOR"}]
    assert task["type_attributes"]["iteration_index"] == "1"
    assert {"create_time", "end_time", "cache_fingerprint", "scope_path", "parent_task_id"} <= task.keys()
    assert task["inputs"]["parameters"][0]["parameter_key"] == "alpha"
    [metrics, model] = task["outputs"]["artifacts"]
    assert (metrics["artifact_key"], model["artifact_key"]) == ("metrics", "model")
    assert metrics["artifacts"][0]["number_value"] == 0.5
    assert metrics["producer"] == {"task_name": "train", "iteration": "1"}


@pytest.mark.parametrize(
    "sort_by", ["created_at desc", "name", "artifact_id", "type", "uri", "namespace", "created_at"]
)
async def test_artifacts_are_listed_by_each_column_of_the_table(served: Served, sort_by: str) -> None:
    answer = await served.read(
        f"{V2}/artifacts?namespace=&page_size=10&page_token=&sort_by={sort_by.replace(' ', '%20')}&filter="
    )
    assert {each["artifact_id"] for each in answer["artifacts"]} == {served.ids.artifact_id, served.ids.metric_id}


async def test_an_artifact_keeps_its_uri_to_the_byte(served: Served) -> None:
    artifact = await served.read(f"{V2}/artifacts/{served.ids.artifact_id}")
    assert artifact == as_json(await served.api.GetArtifact(artifact_id=served.ids.artifact_id))
    assert artifact["uri"] == "s3://bucket/a%20b?x=1"
    assert {"artifact_id", "name", "type", "description", "created_at"} <= artifact.keys()


async def test_the_owner_of_an_artifact_is_found_by_its_uri(served: Served) -> None:
    predicate = {"key": "uri", "operation": "EQUALS", "stringValue": "s3://bucket/a%20b?x=1"}
    answer = await served.read(f"{V2}/artifacts?namespace=team&page_size=1&filter={twice_escaped(**predicate)}")
    assert [each["artifact_id"] for each in answer["artifacts"]] == [served.ids.artifact_id]


async def test_the_tasks_of_an_artifact_are_listed(served: Served) -> None:
    query = f"artifact_ids={served.ids.artifact_id}&page_token=&page_size=20&sort_by=id%20asc"
    links = (await served.read(f"{V2}/artifact_tasks?{query}"))["artifact_tasks"]
    assert [link["type"] for link in links] == ["OUTPUT", "COMPONENT_INPUT"]
    assert {"id", "artifact_id", "task_id", "run_id", "type", "key", "producer"} <= links[0].keys()
    assert links[0]["producer"]["task_name"] == "train"


@pytest.mark.parametrize("io_type", ["OUTPUT", "ITERATOR_OUTPUT", "ONE_OF_OUTPUT", "TASK_FINAL_STATUS_OUTPUT"])
async def test_the_look_up_of_old_visualisations_finds_nothing(served: Served, io_type: str) -> None:
    names = {"values": ["mlpipeline-ui-metadata", "mlpipeline_ui_metadata"]}
    filter_text = twice_escaped(key="key", operation="IN", string_values=names)
    ids = f"artifact_ids={served.ids.artifact_id}&artifact_ids={served.ids.metric_id}"
    query = f"{ids}&type={io_type}&page_size=1&sort_by=id%20asc&filter={filter_text}"
    assert await served.read(f"{V2}/artifact_tasks?{query}") == {}


async def test_experiments_are_read_as_they_were_recorded(served: Served) -> None:
    experiment = await served.read(f"{V2}/experiments/{served.ids.experiment_id}")
    assert experiment == as_json(await served.api.GetExperiment(experiment_id=served.ids.experiment_id))
    listed = await served.read(f"{V2}/experiments?namespace=&page_size=10&page_token=&sort_by=&filter=")
    assert {"Default", experiment["display_name"]} <= {each["display_name"] for each in listed["experiments"]}


async def test_what_every_page_asks_for_answers(served: Served) -> None:
    health = await served.read(f"{V2}/healthz")
    assert {"commit_sha", "tag_name", "multi_user", "pipeline_store"} <= health.keys()
    assert health["multi_user"] is False
    assert (
        await served.read(f"{V2}/recurringruns?page_size=100&sort_by=&experiment_id={served.ids.experiment_id}") == {}
    )
    assert await served.read(f"{V2}/pipelines?page_size=10&page_token=&sort_by=created_at%20desc&filter=") == {}


async def test_the_compare_page_gets_its_two_old_reads(served: Served) -> None:
    old = await served.read(f"/apis/v1beta1/runs/{served.ids.run_id}")
    assert (old["run"]["id"], old["run"]["name"]) == (served.ids.run_id, "night run")
    assert "pipeline_manifest" in old["run"]["pipeline_spec"]
    assert old["pipeline_runtime"] == {}
    [reference] = old["run"]["resource_references"]
    assert reference["key"] == {"type": "EXPERIMENT", "id": served.ids.experiment_id}
    experiment = await served.read(f"/apis/v1beta1/experiments/{served.ids.experiment_id}")
    assert experiment["id"] == served.ids.experiment_id
    assert experiment["name"].startswith("ui-")
