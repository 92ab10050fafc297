"""The lists of v1beta1 read names only, in a constant number of statements, and take the filters of v1's clients."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.builders import a_spec, new_run, unique
from tests.api.client import Api
from tests.api.statements import Statements
from tests.rest.client import ask
from tests.rest.uploads import upload_pipeline, upload_version

V1 = "/apis/v1beta1"


def filtered(*predicates: dict[str, Any], escapes: int = 2) -> str:
    """A filter in a query, escaped as often as the UI does."""
    text = json.dumps({"predicates": predicates})
    for _ in range(escapes):
        text = quote(text, safe="")
    return f"filter={text}"


async def a_pipeline(rest: str, name: str, *, versions: int = 1) -> str:
    """Upload a pipeline with versions of its own and return its id."""
    pipeline_id: str = (await upload_pipeline(rest, a_spec(), name=name)).json["pipeline_id"]
    for _ in range(versions - 1):
        await upload_version(rest, a_spec(), pipelineid=pipeline_id, name=unique("v"))
    return pipeline_id


@pytest.mark.slow
async def test_lists_take_the_same_statements_for_any_number_of_rows(
    api: Api, rest: str, statements: Statements
) -> None:
    word, counts, pipeline_id = unique("many"), [], ""
    for more in (1, 20):
        for _ in range(more):
            pipeline_id = await a_pipeline(rest, unique(word), versions=more)
            [*_, version] = (await api.ListPipelineVersions(pipeline_id=pipeline_id)).pipeline_versions
            reference = {"pipeline_id": pipeline_id, "pipeline_version_id": version.pipeline_version_id}
            await new_run(api, display_name=unique(word), pipeline_version_reference=reference)
        named = filtered({"op": "IS_SUBSTRING", "key": "name", "string_value": word})
        key = f"resource_key.type=PIPELINE&resource_key.id={pipeline_id}"
        for path in (f"runs?{named}", f"pipelines?{named}", f"pipeline_versions?{key}"):
            statements.clear()
            answer = await ask(rest, "GET", f"{V1}/{path}&page_size=100")
            assert answer.json["total_size"] >= more
            assert "pipelineInfo" not in answer.body.decode()
            counts.append(statements.count)
    assert counts[:3] == counts[3:]
    assert 0 < max(counts) <= 5


async def test_a_run_of_a_list_names_its_version(api: Api, rest: str) -> None:
    name = unique("run")
    pipeline_id = await a_pipeline(rest, name)
    [version] = (await api.ListPipelineVersions(pipeline_id=pipeline_id)).pipeline_versions
    await new_run(api, display_name=name, pipeline_version_reference={"pipeline_id": pipeline_id})
    [run] = (
        await ask(rest, "GET", f"{V1}/runs?{filtered({'op': 'EQUALS', 'key': 'name', 'string_value': name})}")
    ).json["runs"]
    assert run["pipeline_spec"]["pipeline_name"] == version.name
    assert run["pipeline_spec"]["pipeline_id"] == pipeline_id


@pytest.mark.parametrize("escapes", [1, 2])
@pytest.mark.parametrize("word", ["op", "operation"])
async def test_both_words_for_an_operation_are_taken(rest: str, word: str, escapes: int) -> None:
    name = unique("pipe")
    pipeline_id = await a_pipeline(rest, name)
    for operation in ("EQUALS", 1):
        query = filtered({word: operation, "key": "name", "string_value": name}, escapes=escapes)
        answer = await ask(rest, "GET", f"{V1}/pipelines?{query}")
        assert [each["id"] for each in answer.json["pipelines"]] == [pipeline_id]


@pytest.mark.parametrize("list_name", ["runs", "experiments"])
async def test_archived_rows_are_left_out_in_the_words_of_v1(api: Api, rest: str, list_name: str) -> None:
    name = unique("kept")
    if list_name == "runs":
        ids = [await new_run(api, display_name=name) for _ in range(2)]
        await api.ArchiveRun(run_id=ids[1])
    else:
        made = [await api.CreateExperiment(experiment={"display_name": f"{name}{n}"}) for n in range(2)]
        ids = [each.experiment_id for each in made]
        await api.ArchiveExperiment(experiment_id=ids[1])
    named = {"op": "IS_SUBSTRING", "key": "name", "string_value": name}
    for operation, expected in (("NOT_EQUALS", ids[0]), ("EQUALS", ids[1])):
        state = {"op": operation, "key": "storage_state", "string_value": "STORAGESTATE_ARCHIVED"}
        answer = await ask(rest, "GET", f"{V1}/{list_name}?{filtered(named, state)}")
        assert [each["id"] for each in answer.json[list_name]] == [expected]


@pytest.mark.parametrize("path", ["/apis/v2beta1/runs", "/apis/v2beta1/pipelines", "/apis/v2beta1/experiments"])
async def test_v2_knows_one_word_only(rest: str, path: str) -> None:
    query = filtered({"op": "EQUALS", "key": "name", "string_value": "x"})
    assert (await ask(rest, "GET", f"{path}?{query}")).reason == "INVALID_FILTER"


async def test_a_filter_with_both_words_is_refused(rest: str) -> None:
    query = filtered({"op": "EQUALS", "operation": "EQUALS", "key": "name", "string_value": "x"})
    assert (await ask(rest, "GET", f"{V1}/pipelines?{query}")).reason == "INVALID_FILTER"
