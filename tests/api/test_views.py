"""Views of runs and tasks: what each shows, and what it reads for that."""

from typing import Any

import pytest
from lineal.v2beta1 import run_pb2

from tests.api.builders import (
    a_parameter,
    a_root,
    a_run,
    a_spec,
    a_struct,
    a_task,
    get_task,
    new_artifact,
    new_run,
    new_task,
    new_tasks,
    unique,
    where,
    with_inputs,
)
from tests.api.client import Api
from tests.api.conftest import Serve
from tests.api.statements import Statements

pytestmark = pytest.mark.one_database

BASIC_FIELDS = {
    "experiment_id",
    "run_id",
    "display_name",
    "storage_state",
    "created_at",
    "scheduled_at",
    "finished_at",
    "state",
    "recurring_run_id",
    "task_count",
}
DEFAULT_FIELDS = BASIC_FIELDS | {
    "description",
    "pipeline_spec",
    "runtime_config",
    "service_account",
    "state_history",
    "plugins_input",
}
FIELDS = {
    "BASIC": BASIC_FIELDS,
    "DEFAULT": DEFAULT_FIELDS,
    "FULL": DEFAULT_FIELDS | {"tasks"},
    "RUNTIME_ONLY": (DEFAULT_FIELDS | {"tasks"}) - {"pipeline_spec", "runtime_config"},
}


async def a_full_run(api: Api) -> tuple[str, str]:
    """A run with every field set, and tasks with everything in them; returns its id and name."""
    name = unique("run")
    run_id = await new_run(
        api,
        display_name=name,
        description="what it is for",
        recurring_run_id=unique("recurring"),
        pipeline_spec=a_spec({"rate": {"parameterType": "NUMBER_DOUBLE"}}),
        parameters={"rate": 0.1},
        plugins_input={"mlflow": a_struct({"experiment": "e"})},
    )
    root = await api.CreateTask(run_id=run_id, task=a_root(inputs={"parameters": [a_parameter()]}))
    task_id = await new_task(api, run_id, pods=[{"name": "pod"}], parent_task_id=root.task_id)
    await new_artifact(api, run_id, task_id)
    return run_id, name


async def listed(api: Api, name: str, view: str | int | None) -> Any:
    """A run as ListRuns shows it."""
    fields = {} if view is None else {"view": view}
    [run] = (await api.ListRuns(filter=where("display_name", "EQUALS", string_value=name), **fields)).runs
    return run


@pytest.mark.parametrize("view", FIELDS)
async def test_a_view_shows_its_fields_and_no_others(api: Api, view: str) -> None:
    run_id, name = await a_full_run(api)
    for run in (await api.GetRun(run_id=run_id, view=view), await listed(api, name, view)):
        assert {field.name for field, _ in run.ListFields()} == FIELDS[view]
        assert run.task_count == 2


async def test_an_absent_view_is_the_default_one(api: Api) -> None:
    run_id, name = await a_full_run(api)
    default = await api.GetRun(run_id=run_id, view="DEFAULT")
    assert await api.GetRun(run_id=run_id) == default == await listed(api, name, None)


@pytest.mark.parametrize("view", ["FULL", "RUNTIME_ONLY"])
async def test_views_with_tasks_show_what_list_tasks_shows(api: Api, view: str) -> None:
    run_id, name = await a_full_run(api)
    tasks = (await api.ListTasks(run_id=run_id)).tasks
    assert (await api.GetRun(run_id=run_id, view=view)).tasks == tasks == (await listed(api, name, view)).tasks
    assert [[child.name for child in task.child_tasks] for task in tasks] == [["train"], []]
    assert (len(tasks[1].outputs.artifacts), len(tasks[0].inputs.parameters), len(tasks[1].pods)) == (1, 1, 1)


@pytest.mark.parametrize("view", ["DEFAULT", "BASIC"])
async def test_views_without_tasks_count_tasks_and_read_no_more_of_them(
    api: Api, statements: Statements, view: str
) -> None:
    run_id, name = await a_full_run(api)
    statements.clear()
    await api.GetRun(run_id=run_id, view=view)
    await listed(api, name, view)
    assert len(statements.naming("tasks")) == 2
    assert all("count(" in text.partition("FROM")[0] for text in statements.naming("tasks"))


async def test_basic_and_runtime_only_do_not_read_the_specification(api: Api, statements: Statements) -> None:
    run_id, name = await a_full_run(api)
    statements.clear()
    for view in ("BASIC", "RUNTIME_ONLY"):
        await api.GetRun(run_id=run_id, view=view)
        await listed(api, name, view)
    assert statements.count
    assert not [text for text in statements.texts if "pipeline_specs.spec" in text]


async def test_a_list_of_runs_in_basic_is_at_most_a_fifth_of_full(serve: Serve) -> None:
    api = await serve()
    for number in range(10):
        inputs = {"parameters": [a_parameter(f"rate-{index}", index) for index in range(3)]}
        run_id = await new_run(api, display_name=f"nightly {number}", pipeline_spec=a_spec(), description="nightly")
        root = await api.CreateTask(run_id=run_id, task=a_root(inputs=inputs))
        for step in ("load", "train", "evaluate"):
            task = a_task(step, parent_task_id=root.task_id, scope_path=f"root.{step}", inputs=inputs)
            task_id = (await api.CreateTask(run_id=run_id, task=task)).task_id
            await new_artifact(api, run_id, task_id, uri=f"s3://bucket/{run_id}/{step}")
    full, basic = [(await api.ListRuns(view=view)).ByteSize() for view in ("FULL", "BASIC")]
    assert 0 < basic <= full / 5


@pytest.mark.parametrize("view", ["FULL", "RUNTIME_ONLY"])
async def test_lists_with_tasks_have_a_page_size_of_their_own(serve: Serve, view: str) -> None:
    api = await serve(full_page_size_max=3, page_size_max=5)
    for _ in range(7):
        await new_run(api)
    sizes = [len((await api.ListRuns(view=view, page_size=size)).runs) for size in (0, 2, 3, 4, 1000)]
    assert sizes == [3, 2, 3, 3, 3]
    assert [len((await api.ListRuns(view=other, page_size=1000)).runs) for other in ("DEFAULT", "BASIC")] == [5, 5]
    page = await api.ListRuns(view=view)
    rest = await api.ListRuns(view=view, page_token=page.next_page_token, page_size=1000)
    assert (page.total_size, len(rest.runs), bool(rest.next_page_token)) == (7, 3, True)


async def test_the_basic_view_of_tasks_leaves_inputs_and_outputs_present_and_empty_and_children_out(api: Api) -> None:
    run_id, _ = await a_full_run(api)
    expected = (await api.ListTasks(run_id=run_id)).tasks
    assert expected[0].child_tasks
    for task in expected:
        task.ClearField("child_tasks")
        for side in (task.inputs, task.outputs):
            side.Clear()
            side.SetInParent()
    assert (await api.ListTasks(run_id=run_id, task_view="BASIC")).tasks == expected
    assert [await get_task(api, run_id, task.task_id, task_view="BASIC") for task in expected] == expected
    for view in ("FULL", "RUNTIME_ONLY"):
        assert (await api.GetRun(run_id=run_id, view=view, task_view="BASIC")).tasks == expected


async def test_the_basic_view_of_tasks_reads_neither_links_nor_children(api: Api, statements: Statements) -> None:
    run_id = await new_run(api, pipeline_spec=a_spec())  # without one, links are read to draw the graph
    task_id = await new_task(api, run_id)
    counts = []
    for view in ("FULL", "BASIC"):
        statements.clear()
        await api.ListTasks(run_id=run_id, task_view=view)
        await get_task(api, run_id, task_id, task_view=view)
        await api.GetRun(run_id=run_id, view="FULL", task_view=view)
        counts.append((len(statements.naming("artifact_tasks")), len(statements.naming(" tasks"))))
    (_, with_children), basic = counts
    assert basic == (0, with_children - 1)


async def test_a_number_that_is_no_view_counts_as_the_default_one(api: Api) -> None:
    run_id, name = await a_full_run(api)
    assert await api.GetRun(run_id=run_id, view=7) == await api.GetRun(run_id=run_id)
    assert await listed(api, name, 7) == await listed(api, name, None)
    assert await api.ListTasks(run_id=run_id, task_view=7) == await api.ListTasks(run_id=run_id)


async def test_a_run_without_tasks_is_full_too(api: Api) -> None:
    run = await api.CreateRun(run=a_run())
    full = await api.GetRun(run_id=run.run_id, view="FULL")
    assert (full.task_count, list(full.tasks)) == (0, [])
    assert isinstance(full, run_pb2.Run)


@pytest.mark.parametrize("view", ["FULL", "BASIC"])
async def test_an_update_changes_the_same_in_each_view_and_answers_as_reads_do(api: Api, view: str) -> None:
    run_id, update = await new_run(api), with_inputs(a_parameter(), state="SUCCEEDED")
    task_ids = await new_tasks(api, run_id, 2)
    await new_artifact(api, run_id, task_ids[0])
    await new_task(api, run_id, parent_task_id=task_ids[0])
    one = await api.UpdateTask(run_id=run_id, task_id=task_ids[0], task=update, task_view=view)
    assert one == await get_task(api, run_id, task_ids[0], task_view=view)
    bulk = await api.UpdateTasksBulk(run_id=run_id, tasks=dict.fromkeys(task_ids, update), task_view=view)
    for task_id in task_ids:
        assert bulk.tasks[task_id] == await get_task(api, run_id, task_id, task_view=view)
        stored = await get_task(api, run_id, task_id)
        assert (len(stored.inputs.parameters), run_pb2.PipelineTask.TaskState.Name(stored.state)) == (1, "SUCCEEDED")


async def test_an_update_in_the_basic_view_reads_neither_links_nor_children(api: Api, statements: Statements) -> None:
    run_id, counts = await new_run(api), []
    for view in ("FULL", "BASIC"):
        task_id = await new_task(api, run_id)
        statements.clear()
        await api.UpdateTask(run_id=run_id, task_id=task_id, task=a_task(), task_view=view)
        await api.UpdateTasksBulk(run_id=run_id, tasks={task_id: a_task()}, task_view=view)
        counts.append((statements.count, len(statements.naming("artifact_tasks"))))
    assert counts[1][0] <= counts[0][0]
    assert counts[0][1] > counts[1][1] == 0
