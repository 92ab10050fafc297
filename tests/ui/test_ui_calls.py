"""Every further call of Kubeflow Pipelines' web UI: its buttons, forms and uploads, and the pages of pipelines.

Queries and headers are those that the unmodified UI sends through its own server.
"""

import json
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.api.builders import a_spec, unique
from tests.api.client import Api
from tests.api.service import serving
from tests.databases import create_migrated_database, drop_database
from tests.rest.client import Answer, ask
from tests.ui.recorded import SPEC, record

V1, V2 = "/apis/v1beta1", "/apis/v2beta1"
HEADERS = {
    "Origin": "http://localhost:3000",
    "Referer": "http://localhost:3000/",
    "Sec_Fetch_Site": "same-origin",
    "Sec_Fetch_Mode": "cors",
    "Sec_Fetch_Dest": "empty",
    "Accept": "*/*",
}


class Ui:
    """What the UI's server asks of ours."""

    def __init__(self, api: Api, rest: str) -> None:
        self.api, self.rest = api, rest

    async def ask(self, verb: str, path: str, body: Any = None, **more: str) -> Answer:
        """Send a call as the UI does."""
        kind = {"Content_Type": "application/json"} if body is not None else {}
        return await ask(self.rest, verb, path, body, **HEADERS | kind | more)

    async def json(self, verb: str, path: str, body: Any = None) -> Any:
        """Return the JSON of a call that succeeds."""
        answer = await self.ask(verb, path, body)
        assert answer.status == 200, (verb, path, answer.body)
        return answer.json

    async def upload(self, path: str, spec: Any = SPEC) -> Any:
        """Upload a file as the form of the UI does."""
        head = 'Content-Disposition: form-data; name="uploadfile"; filename="pipeline.yaml"\r\nContent-Type: application/x-yaml'
        body = f"------F\r\n{head}\r\n\r\n{json.dumps(spec)}\r\n------F--\r\n"
        answer = await ask(
            self.rest, "POST", path, text=body, Content_Type="multipart/form-data; boundary=----F", **HEADERS
        )
        assert answer.status == 200, answer.body
        return answer.json

    async def pipeline(self) -> tuple[str, str]:
        """A pipeline that was uploaded, and its version."""
        pipeline_id = (await self.upload(f"{V2}/pipelines/upload?name={unique('p')}&description=d"))["pipeline_id"]
        listed = await self.json("GET", f"{V2}/pipelines/{pipeline_id}/versions?page_size=1")
        return pipeline_id, listed["pipeline_versions"][0]["pipeline_version_id"]

    async def run(self, **fields: Any) -> str:
        """A run as the form of the UI makes it."""
        body = {"display_name": unique("run"), "description": "", "service_account": "", **fields}
        run_id: str = (await self.json("POST", f"{V2}/runs", body))["run_id"]
        return run_id


@pytest.fixture(scope="session")
def store_url(database_kind: str) -> Iterator[str]:
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest_asyncio.fixture(scope="session")
async def ui(store_url: str) -> AsyncIterator[Ui]:
    async with serving(store_url) as addresses:
        api = Api(addresses.grpc)
        yield Ui(api, addresses.rest)
        await api.channel.close()


def escaped(*predicates: dict[str, Any]) -> str:
    """A filter as the UI escapes it."""
    return urllib.parse.quote(urllib.parse.quote(json.dumps({"predicates": predicates}), safe=""), safe="")


def versions_query(pipeline_id: str) -> str:
    """The query of the page of a pipeline."""
    return f"resource_key.type=PIPELINE&resource_key.id={pipeline_id}&page_size=50&sort_by=created_at%20desc"


async def test_the_page_of_a_pipeline_lists_its_versions_in_the_words_of_v1(ui: Ui) -> None:
    pipeline_id, first = await ui.pipeline()
    second = (await ui.upload(f"{V2}/pipelines/upload_version?pipelineid={pipeline_id}&name=v2&description=newer"))[
        "pipeline_version_id"
    ]
    answer = await ui.json("GET", f"{V1}/pipeline_versions?{versions_query(pipeline_id)}")
    assert [version["id"] for version in answer["versions"]] == [second, first]
    assert answer["total_size"] == 2
    newest = answer["versions"][0]
    assert (newest["name"], newest["description"]) == ("v2", "newer")
    assert newest["created_at"].endswith("Z")
    assert newest["resource_references"] == [{"key": {"type": "PIPELINE", "id": pipeline_id}, "relationship": "OWNER"}]


async def test_the_page_of_a_pipeline_reads_pipeline_and_version(ui: Ui) -> None:
    pipeline_id, version_id = await ui.pipeline()
    for path in (f"{V2}/pipelines/{pipeline_id}", f"{V1}/pipelines/{pipeline_id}"):
        assert (await ui.json("GET", path))["description"] == "d"
    version = await ui.json("GET", f"{V2}/pipelines/{pipeline_id}/versions/{version_id}")
    assert version["pipeline_spec"] == SPEC
    assert (await ui.json("GET", f"{V1}/pipeline_versions/{version_id}"))["id"] == version_id


async def test_the_form_of_a_run_reads_templates(ui: Ui) -> None:
    pipeline_id, version_id = await ui.pipeline()
    for path in (f"{V1}/pipeline_versions/{version_id}/templates", f"{V1}/pipelines/{pipeline_id}/templates"):
        assert json.loads((await ui.json("GET", path))["template"]) == SPEC


async def test_pipelines_and_versions_are_listed_filtered_and_deleted(ui: Ui) -> None:
    pipeline_id, version_id = await ui.pipeline()
    name = (await ui.json("GET", f"{V2}/pipelines/{pipeline_id}"))["name"]
    named = escaped({"key": "name", "op": "IS_SUBSTRING", "string_value": name})
    query = f"page_token=&page_size=10&sort_by=created_at%20desc&filter={named}"
    assert [one["id"] for one in (await ui.json("GET", f"{V1}/pipelines?{query}"))["pipelines"]] == [pipeline_id]
    listed = await ui.json("GET", f"{V2}/pipelines/{pipeline_id}/versions?page_size=50&sort_by=created_at%20desc")
    assert [one["pipeline_version_id"] for one in listed["pipeline_versions"]] == [version_id]
    assert (await ui.json("DELETE", f"{V2}/pipelines/{pipeline_id}/versions/{version_id}")) == {}
    assert (await ui.json("DELETE", f"{V1}/pipelines/{pipeline_id}")) == {}
    assert (await ui.ask("GET", f"{V2}/pipelines/{pipeline_id}")).status == 404


async def test_a_run_is_made_from_a_version_and_cloned_from_a_specification(ui: Ui) -> None:
    pipeline_id, version_id = await ui.pipeline()
    reference = {"pipeline_id": pipeline_id, "pipeline_version_id": version_id}
    run = await ui.json("GET", f"{V2}/runs/{await ui.run(pipeline_version_reference=reference)}")
    assert run["pipeline_version_reference"] == reference
    cloned = await ui.json("GET", f"{V2}/runs/{await ui.run(pipeline_spec=SPEC, runtime_config={'parameters': {}})}")
    assert cloned["pipeline_spec"] == SPEC


async def test_a_run_whose_version_is_gone_opens_with_its_own_specification(ui: Ui) -> None:
    pipeline_id, version_id = await ui.pipeline()
    reference = {"pipeline_id": pipeline_id, "pipeline_version_id": version_id}
    run_id = await ui.run(pipeline_version_reference=reference)
    await ui.json("DELETE", f"{V2}/pipelines/{pipeline_id}/versions/{version_id}")
    run = await ui.json("GET", f"{V2}/runs/{run_id}")
    assert (run["pipeline_spec"], "pipeline_version_reference" in run) == (SPEC, False)
    old = (await ui.json("GET", f"{V1}/runs/{run_id}"))["run"]["pipeline_spec"]
    assert json.loads(old["pipeline_manifest"]) == SPEC


async def test_a_run_without_a_specification_opens_with_a_graph(ui: Ui) -> None:
    recorded = await record(ui.api, pipeline_spec=None)
    run = await ui.json("GET", f"{V2}/runs/{recorded.run_id}")
    spec = run["pipeline_spec"]
    assert {"pipelineInfo", "deploymentSpec", "root", "sdkVersion"} <= spec.keys()
    loop = spec["root"]["dag"]["tasks"]["loop"]
    assert loop["parameterIterator"]["items"] == {"raw": "[0,1,2]"}
    body = spec["components"][loop["componentRef"]["name"]]["dag"]["tasks"]
    train = spec["components"][body["train"]["componentRef"]["name"]]
    types = {
        key: definition["artifactType"]["schemaTitle"]
        for key, definition in train["outputDefinitions"]["artifacts"].items()
    }
    assert types == {"model": "system.Model", "metrics": "system.Metrics"}
    assert "pipeline_manifest" in (await ui.json("GET", f"{V1}/runs/{recorded.run_id}"))["run"]["pipeline_spec"]


@pytest.mark.parametrize("verb", ["archive", "unarchive", "terminate"])
async def test_the_buttons_of_a_run_answer(ui: Ui, verb: str) -> None:
    run_id = await ui.run(pipeline_spec=SPEC)
    assert await ui.json("POST", f"{V2}/runs/{run_id}:{verb}") == {}


async def test_a_failed_run_is_retried_and_deleted(ui: Ui) -> None:
    run_id = await ui.run(pipeline_spec=SPEC)
    root = await ui.api.CreateTask(run_id=run_id, task={"name": "ROOT", "type": "ROOT", "state": "FAILED"})
    assert root.task_id
    assert await ui.json("POST", f"{V2}/runs/{run_id}:retry") == {}
    assert await ui.json("DELETE", f"{V1}/runs/{run_id}") == {}
    assert (await ui.ask("GET", f"{V2}/runs/{run_id}")).status == 404


async def test_an_experiment_is_made_archived_listed_and_deleted(ui: Ui) -> None:
    made = await ui.json("POST", f"{V2}/experiments", {"display_name": unique("e"), "description": "d"})
    experiment_id = made["experiment_id"]
    for verb in ("archive", "unarchive"):
        assert await ui.json("POST", f"{V2}/experiments/{experiment_id}:{verb}") == {}
    kept = escaped({"key": "storage_state", "op": "NOT_EQUALS", "string_value": "STORAGESTATE_ARCHIVED"})
    listed = await ui.json("GET", f"{V1}/experiments?page_size=100&filter={kept}")
    assert experiment_id in {one["id"] for one in listed["experiments"]}
    assert await ui.json("DELETE", f"{V1}/experiments/{experiment_id}") == {}


async def test_recurring_runs_are_refused_and_never_found(ui: Ui) -> None:
    body = {"display_name": "nightly", "trigger": {"cron_schedule": {"cron": "0 0 3 * * ?"}}, "mode": "ENABLE"}
    answer = await ui.ask("POST", f"{V2}/recurringruns", body | {"max_concurrency": "1"})
    assert (answer.status, answer.reason) == (501, "UNIMPLEMENTED")
    assert "does not schedule" in answer.json["message"]
    for verb, path in (("GET", ""), ("DELETE", ""), ("POST", ":enable"), ("POST", ":disable")):
        assert (await ui.ask(verb, f"{V2}/recurringruns/unknown{path}")).status == 404


async def test_uploads_in_the_words_of_v1_name_their_versions(ui: Ui) -> None:
    pipeline = await ui.upload(f"{V1}/pipelines/upload?name={unique('p')}", a_spec())
    assert pipeline["default_version"]["name"] == pipeline["name"]
    version = await ui.upload(f"{V1}/pipelines/upload_version?pipelineid={pipeline['id']}&name=v2", a_spec())
    assert version["resource_references"][0]["key"] == {"type": "PIPELINE", "id": pipeline["id"]}
