"""ListRuns: which runs, in which order."""

from typing import Any

import pytest
from lineal.v2beta1 import experiment_pb2

from tests.api.builders import a_run, new_run, new_task, unique, where
from tests.api.client import Api, code
from tests.api.conftest import Serve


async def names(api: Api, **fields: Any) -> list[str]:
    """The names of the runs of a list."""
    return [run.display_name for run in (await api.ListRuns(**fields)).runs]


async def new_experiment(api: Api) -> str:
    """Create an experiment and return its id."""
    made = await api.CreateExperiment(experiment=experiment_pb2.Experiment(display_name=unique("experiment")))
    return str(made.experiment_id)


async def test_runs_list_in_the_order_of_their_creation_within_a_second(serve: Serve) -> None:
    api = await serve()
    expected = [str(number) for number in range(30)]
    for name in expected:
        await new_run(api, display_name=name)
    assert await names(api, page_size=200) == expected
    assert await names(api, page_size=200, sort_by="created_at desc") == expected[::-1]
    assert (await api.ListRuns()).total_size == 30


async def test_an_experiment_limits_the_list_and_a_namespace_does_not(api: Api) -> None:
    one, other = await new_experiment(api), await new_experiment(api)
    for experiment_id in (one, other, one):
        await new_run(api, display_name=experiment_id, experiment_id=experiment_id)
    assert await names(api, experiment_id=one, namespace="any") == [one, one]
    assert (await api.ListRuns(experiment_id=other)).total_size == 1


@pytest.mark.parametrize("experiment_id", ["no-such-experiment", "x" * 300, "a\0b"])
async def test_an_unknown_experiment_is_not_found(api: Api, experiment_id: str) -> None:
    assert await code(api.ListRuns(experiment_id=experiment_id)) == "NOT_FOUND"
    assert await code(api.CreateRun(run=a_run(experiment_id=experiment_id))) in ("NOT_FOUND", "INVALID_ARGUMENT")


async def test_an_experiment_without_runs_has_an_empty_list(api: Api) -> None:
    page = await api.ListRuns(experiment_id=await new_experiment(api))
    assert (list(page.runs), page.total_size, page.next_page_token) == ([], 0, "")


async def test_each_run_of_a_list_has_its_own_tasks(api: Api) -> None:
    name = unique("run")
    counts = [2, 0, 1]
    for count in counts:
        run_id = await new_run(api, display_name=name)
        for number in range(count):
            await new_task(api, run_id, f"{run_id}-{number}")
    text = where("display_name", "EQUALS", string_value=name)
    for view in ("DEFAULT", "BASIC", "FULL", "RUNTIME_ONLY"):
        runs = (await api.ListRuns(filter=text, view=view)).runs
        assert [run.task_count for run in runs] == counts
        assert all(task.name.startswith(run.run_id) for run in runs for task in run.tasks)
        assert sum(len(run.tasks) for run in runs) == (3 if view in ("FULL", "RUNTIME_ONLY") else 0)
