"""GetRunLevel: the tasks of a group as nodes, what is in them as rows, loops as their iterations, and what passes."""

from functools import partial
from typing import Any

import pytest

from server.rules.run_report import level as levels
from server.rules.run_report.level import FIRST, ITERATIONS_MAX, ROWS_MAX, read_level
from storage.model import IOType, Run, Task, TaskState, TaskType
from tests.api.client import code
from tests.contract.builders import MOMENT, a_link, a_run, a_task, an_artifact, keep
from tests.contract.watching import statements
from tests.lineage.broken_run import SPEC, compact, index, status
from tests.lineage.served import Served

pytestmark = pytest.mark.one_database

FAILED, RUNNING, SUCCEEDED = TaskState.FAILED.value, TaskState.RUNNING.value, TaskState.SUCCEEDED.value


async def level(served: Served, run: Run, **asked: Any) -> Any:
    return await served.both("GetRunLevel", f"/runs/{run.id}/level", run_id=run.id, **asked)


def task(run: Run, parent: Task | None, name: str, type: TaskType = TaskType.RUNTIME, **changes: Any) -> Task:
    parent_id = None if parent is None else parent.id
    fields = {"name": name, "type": type.value, "state": SUCCEEDED, "parent_task_id": parent_id} | changes
    return a_task(run.id, **fields)


def shown(answer: Any) -> list[tuple[str, int]]:
    return [(row.name, row.depth) for row in answer.tasks]


def edges(answer: Any) -> list[tuple[str, str, list[str]]]:
    return sorted((edge.source, edge.target, sorted(edge.inputs)) for edge in answer.edges)


async def test_a_small_run_is_shown_whole_with_groups_before_what_is_in_them(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    group = task(run, root, "report", TaskType.DAG, state=FAILED, status_metadata=status("\nno\nmore"))
    inner = task(run, group, "inner", TaskType.CONDITION, created_at=MOMENT + 1)
    leaf = task(run, inner, "leaf", display_name="Leaf", started_at=MOMENT + 5, finished_at=MOMENT + 9)
    last = task(run, root, "last", created_at=MOMENT + 9)
    beside = task(run, None, "beside")
    await keep(served.store, run, root, group, inner, leaf, last, beside)
    answer = await level(served, run)
    assert shown(answer) == [("beside", 0), ("report", 0), ("inner", 1), ("Leaf", 2), ("last", 0)]
    assert [step.name for step in answer.path] == ["ROOT"]
    assert [row.key for row in answer.tasks] == ["beside", "report", "", "", "last"]
    rows = {row.name: row for row in answer.tasks}
    assert (rows["report"].message, rows["report"].state, rows["report"].type) == ("no", "FAILED", "DAG")
    assert (rows["Leaf"].started_at.ToMicroseconds(), rows["Leaf"].finished_at.ToMicroseconds()) == (
        MOMENT + 5,
        MOMENT + 9,
    )
    assert not any(row.folded for row in answer.tasks)
    answer = await level(served, run, parent_task_id=group.id)
    assert (shown(answer), [step.name for step in answer.path]) == ([("inner", 0), ("Leaf", 1)], ["ROOT", "report"])


async def test_a_loop_is_shown_as_its_iterations(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    loop = task(run, root, "tune", TaskType.LOOP, type_attributes='{"iterationCount":"7"}')
    states = {0: [SUCCEEDED, SUCCEEDED], 1: [SUCCEEDED, RUNNING], 2: [RUNNING, FAILED], 5: [TaskState.CACHED.value]}
    tasks = [
        task(run, loop, f"t{number}", type_attributes=index(at), state=state)
        for at, each in states.items()
        for number, state in enumerate(each)
    ]
    await keep(served.store, run, root, loop, *tasks)
    answer = await level(served, run)
    assert shown(answer) == [("tune", 0)]
    found = answer.tasks[0].iterations
    assert (found.count, found.HasField("selected")) == (7, False)
    assert [(each.index, each.state) for each in found.shown] == [
        (0, "SUCCEEDED"),
        (1, "RUNNING"),
        (2, "FAILED"),
        (5, "CACHED"),
    ]


async def test_an_iteration_of_a_loop_is_a_level_first_the_one_that_failed(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    loop = task(run, root, "tune", TaskType.LOOP)
    tasks = [
        task(run, loop, name, type_attributes=index(at), state=FAILED if (at, name) == (10, "b") else SUCCEEDED)
        for at in (1, 10, 11)
        for name in ("a", "b")
    ]
    await keep(served.store, run, root, loop, *tasks)
    answer = await level(served, run, parent_task_id=loop.id)
    assert [row.task_id for row in answer.tasks] == [tasks[2].id, tasks[3].id]
    assert (answer.iterations.selected, len(answer.iterations.shown)) == (10, 3)
    answer = await level(served, run, parent_task_id=loop.id, iteration=1)
    assert [row.task_id for row in answer.tasks] == [tasks[0].id, tasks[1].id]
    assert [row.iteration for row in answer.tasks] == [1, 1]
    assert [(step.name, step.type) for step in answer.path] == [("ROOT", "ROOT"), ("tune", "LOOP")]
    assert shown(await level(served, run, parent_task_id=loop.id, iteration=7)) == []


async def test_groups_that_are_too_large_are_folded(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    small, large = task(run, root, "small", TaskType.DAG), task(run, root, "large", TaskType.DAG)
    many = [task(run, large, f"t{number}") for number in range(ROWS_MAX)]
    await keep(served.store, run, root, small, large, task(run, small, "leaf"), *many)
    answer = await level(served, run)
    assert [(row.name, row.folded) for row in answer.tasks] == [("small", False), ("leaf", False), ("large", True)]
    assert len((await level(served, run, parent_task_id=large.id)).tasks) == ROWS_MAX


async def test_a_level_with_many_tasks_comes_in_pages(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    tasks = [task(run, root, f"t{number}", created_at=MOMENT + number // 2) for number in range(7)]
    await keep(served.store, run, root, *tasks)
    names, token = [], ""
    for _ in range(4):
        answer = await level(served, run, page_size=2, page_token=token)
        names += [row.name for row in answer.tasks]
        token = answer.next_page_token
    assert (names, token) == ([one.name for one in tasks], "")
    first = (await level(served, run, page_size=2)).next_page_token
    assert await code(served.api.GetRunLevel(run_id=run.id, parent_task_id=root.id, page_token=first)) == (
        "INVALID_ARGUMENT"
    )


async def test_a_run_without_root_has_its_outermost_tasks_in_pages(served: Served) -> None:
    run = a_run()
    tasks = [task(run, None, f"t{number}") for number in range(3)]
    await keep(served.store, run, *tasks)
    answer = await level(served, run, page_size=2)
    rest = await level(served, run, page_size=2, page_token=answer.next_page_token)
    assert [row.name for row in (*answer.tasks, *rest.tasks)] == ["t0", "t1", "t2"]
    assert (list(answer.path), rest.next_page_token) == ([], "")


async def test_edges_are_those_of_the_specification_with_tasks_that_nobody_recorded(served: Served) -> None:
    run = a_run(pipeline_spec=compact({"pipeline_spec": SPEC}))
    root = task(run, None, "ROOT", TaskType.ROOT)
    loop = task(run, root, "tune", TaskType.LOOP)
    train = task(run, loop, "train", type_attributes=index(0))
    await keep(served.store, run, root, loop, train, task(run, root, "split"))
    answer = await level(served, run)
    assert edges(answer) == [("report", "publish", []), ("tune", "report", ["models"])]
    missing = [row for row in answer.tasks if not row.task_id]
    assert [(row.key, row.name, row.state, row.type) for row in missing] == [
        (name, name, "", "") for name in ("import", "report", "publish")
    ]
    answer = await level(served, run, parent_task_id=loop.id)
    assert (shown(answer), edges(answer)) == ([("train", 0), ("evaluate", 0)], [("train", "evaluate", ["m"])])
    # What is on another page may have been recorded.
    assert all(row.task_id for row in (await level(served, run, page_size=1)).tasks)


async def test_without_a_specification_edges_are_what_was_recorded(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    split, group = task(run, root, "split"), task(run, root, "report", TaskType.DAG)
    producer = {"producer": {"taskName": "split"}}
    parameter = {"parameterKey": "share", "type": "TASK_OUTPUT_INPUT", "value": 0.5, **producer}
    leaf = task(run, group, "leaf", input_parameters=compact([parameter]))
    twin = [task(run, root, "twin", created_at=MOMENT + number) for number in (1, 2, 3)]
    mails = an_artifact()
    used = [a_link(each, mails, key="mails", type=IOType.TASK_OUTPUT_INPUT.value) for each in (leaf, *twin)]
    await keep(served.store, run, root, split, group, leaf, *twin, mails, a_link(split, mails), *used)
    answer = await level(served, run)
    assert [row.key for row in answer.tasks if row.depth == 0] == ["split", "report", "twin", "twin-2", "twin-3"]
    assert edges(answer) == [
        ("split", "report", ["mails", "share"]),
        ("split", "twin", ["mails"]),
        ("split", "twin-2", ["mails"]),
        ("split", "twin-3", ["mails"]),
    ]


async def test_what_a_run_does_not_have_is_not_found(served: Served) -> None:
    run, other = a_run(), a_run()
    stranger = task(other, None, "secret")
    await keep(served.store, run, other, stranger)
    for asked in ({"run_id": "nothing"}, {"run_id": run.id, "parent_task_id": stranger.id}):
        assert await code(served.api.GetRunLevel(**asked)) == "NOT_FOUND"
    assert await code(served.api.GetRunLevel(run_id=run.id, parent_task_id="x\x00")) == "INVALID_ARGUMENT"
    assert await code(served.api.GetRunLevel(run_id=run.id, iteration=-1)) == "INVALID_ARGUMENT"
    assert await code(served.api.GetRunLevel(run_id=run.id, page_size=-1)) == "INVALID_ARGUMENT"
    answer = await level(served, run)
    assert (list(answer.tasks), list(answer.edges), answer.next_page_token) == ([], [], "")


async def test_parents_that_form_a_cycle_come_to_an_end(served: Served) -> None:
    run = a_run()
    one, other = a_task(run.id, type=TaskType.DAG.value), a_task(run.id, type=TaskType.DAG.value)
    changed = [
        a_task(run.id, id=id, parent_task_id=of, type=8, name=id[:4])
        for id, of in ((one.id, other.id), (other.id, one.id))
    ]
    await keep(served.store, run, *changed)
    answer = await level(served, run, parent_task_id=one.id)
    assert [row.task_id for row in answer.tasks] == [other.id, one.id, other.id]


async def test_many_iterations_take_as_many_statements_and_only_the_first_are_shown(served: Served) -> None:
    run = a_run()
    root = task(run, None, "ROOT", TaskType.ROOT)
    loop = task(run, root, "tune", TaskType.LOOP)
    await keep(served.store, run, root, loop)
    counts = []
    for start, end in ((0, 2), (2, ITERATIONS_MAX + 5)):
        tasks = [
            task(run, loop, "train", type_attributes=index(at), created_at=MOMENT + at) for at in range(start, end)
        ]
        await keep(served.store, *tasks)
        with statements(served.store) as log:
            asked: dict[str, Any] = {"iteration": None, "after": FIRST, "limit": ROWS_MAX}
            await served.store.read(partial(read_level, run_id=run.id, parent_id="", **asked))
        counts.append(len(log))
    assert counts[0] == counts[1] <= 5
    found = (await level(served, run)).tasks[0].iterations
    assert (found.count, found.more) == (ITERATIONS_MAX + 5, False)
    assert [each.index for each in found.shown] == [*range(ITERATIONS_MAX)]


async def test_a_loop_that_announced_nothing_has_at_least_the_iterations_that_were_seen(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "ITERATIONS_AMONG", 6)
    monkeypatch.setattr(levels, "_LEAST_AMONG", 1)
    run = a_run()
    counts = (None, '{"iterationCount":"9"}', None)
    loops = [task(run, None, "tune", TaskType.LOOP, type_attributes=count) for count in counts]
    tasks = [task(run, loop, "train", type_attributes=index(at)) for loop in loops[:2] for at in range(3)]
    await keep(served.store, run, *loops, *tasks, task(run, loops[2], "train", type_attributes=index(0)))
    found = [row.iterations for row in (await level(served, run)).tasks]
    assert [(each.count, each.more) for each in found] == [(2, True), (9, False), (1, False)]
