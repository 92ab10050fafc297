"""Lists page by themselves, and ask for no more than is needed."""

import lineal
import lineal.aio
import pytest
from google.protobuf.message import Message
from lineal import errors
from lineal.listings import PAGE_SIZE, Query
from lineal.v1 import lineage_pb2
from lineal.v2beta1 import run_pb2

from tests.api.builders import unique

pytestmark = pytest.mark.one_database

COUNT = 7
NAMES = [f"run {number}" for number in range(COUNT)]


@pytest.fixture
def experiment(client: lineal.Client) -> str:
    """An experiment with a few runs."""
    experiment_id = client.create_experiment(experiment={"display_name": unique()}).experiment_id
    for name in NAMES:
        client.create_run(run={"display_name": name, "experiment_id": experiment_id})
    return experiment_id


def test_iterating_reads_all_pages_and_does_so_each_time(client: lineal.Client, experiment: str) -> None:
    runs = client.list_runs(experiment_id=experiment, page_size=3)
    assert [run.display_name for run in runs] == NAMES
    assert [run.display_name for run in runs] == NAMES
    assert [(len(page.runs), page.total_size) for page in runs.pages()] == [(3, 0), (3, 0), (1, 0)]


def test_the_first_ones_and_the_number_of_all(client: lineal.Client, experiment: str) -> None:
    runs = client.list_runs(experiment_id=experiment, sort_by="created_at desc", page_size=2)
    assert [run.display_name for run in runs.first(3)] == NAMES[:-4:-1]
    assert len(runs.first(100)) == runs.total_size() == COUNT
    assert runs.first(0) == []
    with pytest.raises(ValueError, match="count: must be at least 0, not -1"):
        runs.first(-1)


def test_the_last_page_has_only_what_is_needed(
    client: lineal.Client, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineal.listings.PAGE_SIZE", 3)
    runs = client.list_runs(experiment_id=experiment)
    assert [len(page.runs) for page in runs._pages(5)] == [3, 2]
    assert [run.display_name for run in runs.first(5)] == NAMES[:5]


async def test_the_same_with_await(address: str, experiment: str) -> None:
    async with lineal.aio.Client(address) as client:
        runs = client.list_runs(experiment_id=experiment, page_size=3)
        assert [run.display_name async for run in runs] == NAMES
        assert [len(page.runs) async for page in runs.pages()] == [3, 3, 1]
        assert [run.display_name for run in await runs.first(4)] == NAMES[:4]
        assert await runs.total_size() == COUNT


def test_filters_are_mappings_too(client: lineal.Client, experiment: str) -> None:
    predicate = {"key": "display_name", "operation": "IN", "string_values": {"values": NAMES[:2]}}
    assert len(list(client.list_runs(experiment_id=experiment, filter={"predicates": [predicate]}))) == 2


def test_a_listing_asks_when_it_is_read(client: lineal.Client) -> None:
    listing = client.list_runs(experiment_id="none")
    assert repr(listing) == "<Listing of runs>"
    with pytest.raises(errors.NotFound):
        list(listing)


def test_pages_are_large_unless_few_items_are_needed() -> None:
    def size(request: Message, limit: int | None) -> int:
        return Query(request, "runs").page("", limit).page_size  # type: ignore[attr-defined,no-any-return]

    assert size(run_pb2.ListRunsRequest(), None) == PAGE_SIZE
    assert size(run_pb2.ListRunsRequest(), 5) == 5
    assert size(run_pb2.ListRunsRequest(), 1000) == PAGE_SIZE
    assert size(run_pb2.ListRunsRequest(page_size=3), 1000) == 3


def test_what_cannot_be_counted_says_so(client: lineal.Client) -> None:
    search = client.search(query="nothing-of-this-name")
    assert list(search) == []
    with pytest.raises(TypeError, match="SearchRequest does not count what it lists"):
        search.total_size()


def test_a_request_is_not_changed_by_paging() -> None:
    request = lineage_pb2.SearchRequest(query="q")
    Query(request, "nodes").page("token")
    assert request == lineage_pb2.SearchRequest(query="q")
