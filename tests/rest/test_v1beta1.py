"""The lists of v1beta1 read their query as the RPCs of v2beta1 do."""

import json

import pytest

from tests.api.builders import a_spec, unique
from tests.rest.client import ask
from tests.rest.uploads import upload_pipeline, upload_version

LISTS = ["experiments", "runs", "pipelines", "jobs", "pipeline_versions"]
V1 = "/apis/v1beta1"


async def a_pipeline(rest: str, *, versions: int = 1) -> tuple[str, list[str]]:
    """Upload a pipeline with versions; return its id and the names of its versions."""
    names = [unique("p"), *(unique("v") for _ in range(versions - 1))]
    pipeline_id: str = (await upload_pipeline(rest, a_spec(), name=names[0])).json["pipeline_id"]
    for name in names[1:]:
        await upload_version(rest, a_spec(), pipelineid=pipeline_id, name=name)
    return pipeline_id, names


@pytest.mark.parametrize("list_name", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "page_size=",
        "page_size=x",
        "page_size=-1",
        "pageSize=2147483648",
        "page_size=%D9%A3",
        "page_size=1&page_size=1",
        "page_size=1&pageSize=1",
        "sortBy=bogus",
        "pageToken=bogus",
        "filter=bogus",
        "filter=%zz",
    ],
)
async def test_what_does_not_fit_a_list_is_refused(rest: str, list_name: str, query: str) -> None:
    assert (await ask(rest, "GET", f"/apis/v1beta1/{list_name}?{query}")).status == 400


@pytest.mark.parametrize("list_name", LISTS)
async def test_empty_texts_and_unknown_parameters_are_not_looked_at(rest: str, list_name: str) -> None:
    of = ""
    if list_name == "pipeline_versions":
        pipeline_id, _ = await a_pipeline(rest)
        of = f"resource_key.type=PIPELINE&resource_key.id={pipeline_id}&"
    answer = await ask(rest, "GET", f"/apis/v1beta1/{list_name}?{of}page_token=&sort_by=&filter=&bogus=1&bogus=2")
    assert answer.status == 200


async def test_a_list_takes_both_spellings_and_goes_on_with_its_token(rest: str) -> None:
    names = sorted(unique("e") for _ in range(3))
    for name in names:
        await ask(rest, "POST", "/apis/v2beta1/experiments", {"display_name": name})
    path = "/apis/v1beta1/experiments?pageSize=1&sortBy=created_at%20desc"
    first = (await ask(rest, "GET", path)).json
    second = (await ask(rest, "GET", f"{path}&pageToken={first['next_page_token']}")).json
    assert [page["experiments"][0]["name"] for page in (first, second)] == [names[2], names[1]]
    assert "total_size" in first


async def test_runs_are_those_of_the_experiment_that_the_query_refers_to(rest: str) -> None:
    experiment = (await ask(rest, "POST", "/apis/v2beta1/experiments", {"display_name": unique("e")})).json
    experiment_id = experiment["experiment_id"]
    asked = {"display_name": unique("r"), "experiment_id": experiment_id}
    run_id = (await ask(rest, "POST", "/apis/v2beta1/runs", asked)).json["run_id"]
    for key in ("resource_reference_key", "resourceReferenceKey"):
        path = f"/apis/v1beta1/runs?{key}.type=EXPERIMENT&{key}.id={experiment_id}"
        assert [run["id"] for run in (await ask(rest, "GET", path)).json["runs"]] == [run_id]
    unknown = "/apis/v1beta1/runs?resource_reference_key.type=EXPERIMENT&resource_reference_key.id=no-such"
    assert (await ask(rest, "GET", unknown)).status == 404


@pytest.mark.parametrize("key", ["resource_key", "resourceKey"])
async def test_the_versions_of_a_pipeline_are_listed(rest: str, key: str) -> None:
    pipeline_id, names = await a_pipeline(rest, versions=3)
    path = f"{V1}/pipeline_versions?{key}.type=PIPELINE&{key}.id={pipeline_id}&page_size=2&sort_by=created_at%20desc"
    first = (await ask(rest, "GET", path)).json
    assert [version["name"] for version in first["versions"]] == [names[2], names[1]]
    assert first["total_size"] == 3
    owner = {"key": {"type": "PIPELINE", "id": pipeline_id}, "relationship": "OWNER"}
    assert first["versions"][0]["resource_references"] == [owner]
    assert first["versions"][0].keys() == {"id", "name", "created_at", "resource_references"}
    second = (await ask(rest, "GET", f"{path}&page_token={first['next_page_token']}")).json
    assert [version["name"] for version in second["versions"]] == [names[0]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("resource_key.id=x", 400),
        ("resource_key.type=PIPELINE", 400),
        ("resource_key.type=PIPELINE&resource_key.id=", 400),
        ("resource_key.type=EXPERIMENT&resource_key.id=x", 400),
        ("resource_key.type=PIPELINE&resource_key.id=x&resource_key.id=y", 400),
        ("resource_key.type=PIPELINE&resource_key.id=no-such", 404),
    ],
)
async def test_versions_of_no_pipeline_are_not_listed(rest: str, query: str, status: int) -> None:
    assert (await ask(rest, "GET", f"{V1}/pipeline_versions?{query}")).status == status


async def test_a_token_is_good_for_its_pipeline_only(rest: str) -> None:
    (one, _), (other, _) = await a_pipeline(rest, versions=2), await a_pipeline(rest, versions=2)
    path = f"{V1}/pipeline_versions?resource_key.type=PIPELINE&page_size=1&resource_key.id="
    token = (await ask(rest, "GET", path + one)).json["next_page_token"]
    assert (await ask(rest, "GET", f"{path}{other}&page_token={token}")).status == 400


async def test_templates_are_the_specification_of_a_version_and_of_the_latest(rest: str) -> None:
    pipeline_id, _ = await a_pipeline(rest)
    await upload_version(rest, a_spec(sdkVersion="newer"), pipelineid=pipeline_id, name=unique("v"))
    latest = json.loads((await ask(rest, "GET", f"{V1}/pipelines/{pipeline_id}/templates")).json["template"])
    assert (latest["pipelineInfo"], latest["sdkVersion"]) == ({"name": "train"}, "newer")
    path = f"{V1}/pipeline_versions?resource_key.type=PIPELINE&resource_key.id={pipeline_id}"
    first, second = [version["id"] for version in (await ask(rest, "GET", path)).json["versions"]]
    templates = [await ask(rest, "GET", f"{V1}/pipeline_versions/{id}/templates") for id in (first, second)]
    assert ["sdkVersion" in json.loads(each.json["template"]) for each in templates] == [False, True]


@pytest.mark.parametrize("path", ["pipelines/no-such/templates", "pipeline_versions/no-such/templates"])
async def test_templates_of_what_is_not_there_are_not_found(rest: str, path: str) -> None:
    assert (await ask(rest, "GET", f"{V1}/{path}")).status == 404
    empty = (await ask(rest, "POST", "/apis/v2beta1/pipelines", {"name": unique("p")})).json["pipeline_id"]
    assert (await ask(rest, "GET", f"{V1}/pipelines/{empty}/templates")).status == 404


async def test_a_pipeline_is_deleted_once_it_has_no_versions(rest: str) -> None:
    pipeline_id, _ = await a_pipeline(rest)
    path = f"{V1}/pipelines/{pipeline_id}"
    assert (await ask(rest, "DELETE", path)).reason == "IN_USE"
    listed = await ask(rest, "GET", f"{V1}/pipeline_versions?resource_key.type=PIPELINE&resource_key.id={pipeline_id}")
    [version] = listed.json["versions"]
    await ask(rest, "DELETE", f"/apis/v2beta1/pipelines/{pipeline_id}/versions/{version['id']}")
    assert [(await ask(rest, "DELETE", path)).status for _ in range(2)] == [200, 404]
