"""The lists of v1beta1 read their query as the RPCs of v2beta1 do."""

import pytest

from tests.api.builders import unique
from tests.rest.client import ask

LISTS = ["experiments", "runs", "pipelines", "jobs"]


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
    answer = await ask(rest, "GET", f"/apis/v1beta1/{list_name}?page_token=&sort_by=&filter=&bogus=1&bogus=2")
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
