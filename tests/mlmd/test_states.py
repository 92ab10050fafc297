"""States, times and histories: MLMD's own, and what is derived where MLMD left tasks running."""

import json

import pytest

from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.rows import ExecutionRow, KfpRun
from storage.model import TaskState
from tests.mlmd.builders import (
    CACHED,
    CANCELED,
    COMPLETE,
    CREATED,
    FAILED,
    RUN_ID,
    RUNNING,
    a_group,
    a_root,
    an_execution,
    by_name,
    counts,
    mapped,
)

S = TaskState
UNKNOWN = S.RUNTIME_STATE_UNSPECIFIED


@pytest.mark.parametrize(
    ("state", "wanted", "is_known"),
    [
        (RUNNING, S.RUNNING, True),
        (COMPLETE, S.SUCCEEDED, True),
        (FAILED, S.FAILED, True),
        (CACHED, S.CACHED, True),
        (CANCELED, S.SKIPPED, True),
        (1, UNKNOWN, True),
        (0, UNKNOWN, False),
        (None, UNKNOWN, False),
        (99, UNKNOWN, False),
    ],
)
def test_a_state_of_mlmd_becomes_one_of_ours(state: int | None, wanted: TaskState, is_known: bool) -> None:
    records = mapped([a_root(), an_execution(2, "a", state=state)])
    assert by_name(records)["a"].state == wanted
    assert counts(records.findings).get(Rule.STATES_UNKNOWN, 0) == (not is_known)


@pytest.mark.parametrize(
    ("within", "wanted"),
    [
        ([], S.SUCCEEDED),
        ([COMPLETE], S.SUCCEEDED),
        ([COMPLETE, RUNNING, FAILED], S.RUNNING),
        ([COMPLETE, FAILED, CACHED], S.FAILED),
        ([CACHED, CACHED], S.CACHED),
        ([CANCELED, CANCELED], S.SKIPPED),
        ([CACHED, CANCELED], S.SUCCEEDED),
        ([CACHED, COMPLETE], S.SUCCEEDED),
    ],
)
@pytest.mark.parametrize("left", [RUNNING, None])
def test_a_group_left_running_takes_the_state_of_what_is_within(
    within: list[int], wanted: TaskState, left: int | None
) -> None:
    tasks = [an_execution(10 + place, f"t{place}", parent=2, state=state) for place, state in enumerate(within)]
    tasks_by_name = by_name(mapped([a_root(), a_group(2, "inner", state=left), *tasks]))
    assert tasks_by_name["inner"].state == wanted
    assert tasks_by_name["ROOT"].state == wanted


@pytest.mark.parametrize("state", [COMPLETE, FAILED, CANCELED])
def test_a_group_that_mlmd_ended_keeps_its_state(state: int) -> None:
    records = mapped([a_root(), a_group(2, "inner", state=state), an_execution(3, "a", parent=2, state=CACHED)])
    wanted = {COMPLETE: S.SUCCEEDED, FAILED: S.FAILED, CANCELED: S.SKIPPED}[state]
    assert by_name(records)["inner"].state == wanted


@pytest.mark.parametrize(
    ("run_state", "task", "root", "run"),
    [
        ("SUCCEEDED", COMPLETE, S.SUCCEEDED, "SUCCEEDED"),
        ("SUCCEEDED", CACHED, S.CACHED, "SUCCEEDED"),
        ("SUCCEEDED", FAILED, S.SUCCEEDED, "SUCCEEDED"),
        ("FAILED", COMPLETE, S.FAILED, "FAILED"),
        ("CANCELED", COMPLETE, S.FAILED, "CANCELED"),
        ("RUNNING", COMPLETE, S.RUNNING, "RUNNING"),
        ("PENDING", CACHED, S.RUNNING, "PENDING"),
        ("SKIPPED", CANCELED, S.SKIPPED, "SKIPPED"),
        ("", FAILED, S.FAILED, "FAILED"),
        ("", CACHED, S.CACHED, "SUCCEEDED"),
        ("", RUNNING, S.RUNNING, "RUNNING"),
    ],
)
def test_the_root_takes_the_state_of_the_run(run_state: str, task: int, root: TaskState, run: str) -> None:
    kfp = KfpRun(RUN_ID, state=run_state)
    records = mapped([a_root(), an_execution(2, "a", state=task)], kfp=kfp)
    assert (records.tasks[0].state, records.run.state) == (root, run)


@pytest.mark.parametrize(
    ("run_state", "wanted", "closed"),
    [
        ("FAILED", S.FAILED, 1),
        ("CANCELED", S.FAILED, 1),
        ("SUCCEEDED", S.SUCCEEDED, 1),
        ("RUNNING", S.RUNNING, 0),
        ("", S.RUNNING, 0),
    ],
)
def test_a_task_left_running_in_a_run_that_ended_is_closed(run_state: str, wanted: TaskState, closed: int) -> None:
    records = mapped([a_root(), an_execution(2, "a", state=RUNNING)], kfp=KfpRun(RUN_ID, state=run_state))
    assert by_name(records)["a"].state == wanted
    assert counts(records.findings).get(Rule.STATES_CLOSED, 0) == closed


@pytest.mark.parametrize(
    ("group", "within", "wanted"),
    [
        (a_group(2, "inner", state=RUNNING, total_dag_tasks=2), [an_execution(3, "a", parent=2)], S.RUNNING),
        (a_group(2, "inner", state=RUNNING, total_dag_tasks=1), [an_execution(3, "a", parent=2)], S.SUCCEEDED),
        (a_group(2, "inner", state=RUNNING, iteration_count=2), [], S.RUNNING),
    ],
)
def test_a_group_that_lacks_tasks_is_still_running_in_a_run_that_goes_on(
    group: ExecutionRow, within: list[ExecutionRow], wanted: TaskState
) -> None:
    records = mapped([a_root(), group, *within], kfp=KfpRun(RUN_ID, state="RUNNING"))
    assert by_name(records)["inner"].state == wanted


def seconds(number: float) -> int:
    """A moment as many seconds after the first, in microseconds."""
    return CREATED * 1000 + int(number * 1_000_000)


def test_a_task_ends_when_mlmd_last_wrote_it() -> None:
    task = by_name(mapped([a_root(), an_execution(2, "a")]))["a"]
    assert (task.created_at, task.started_at, task.finished_at) == (seconds(2), seconds(2), seconds(2.5))
    assert json.loads(task.state_history or "") == [
        {"updateTime": "2023-11-14T22:13:22Z", "state": "RUNNING"},
        {"updateTime": "2023-11-14T22:13:22.500Z", "state": "SUCCEEDED"},
    ]


def test_a_running_task_has_no_end() -> None:
    task = by_name(mapped([a_root(), an_execution(2, "a", state=RUNNING)]))["a"]
    assert task.finished_at is None
    assert json.loads(task.state_history or "") == [{"updateTime": "2023-11-14T22:13:22Z", "state": "RUNNING"}]


def test_a_task_of_unknown_state_has_no_history() -> None:
    task = by_name(mapped([a_root(), an_execution(2, "a", state=0)]))["a"]
    assert (task.state_history, task.finished_at) == (None, None)


def test_a_derived_group_ends_with_the_last_task_within() -> None:
    rows = [
        a_root(),
        a_group(2, "inner", state=RUNNING),
        an_execution(3, "a", parent=2),
        an_execution(9, "b", parent=2),
    ]
    records = mapped(rows)
    assert by_name(records)["inner"].finished_at == seconds(9.5)
    assert by_name(records)["ROOT"].finished_at == records.run.finished_at == seconds(9.5)


def test_the_end_of_a_run_is_that_of_kfps_database() -> None:
    records = mapped([a_root(), an_execution(2, "a")], kfp=KfpRun(RUN_ID, state="SUCCEEDED", finished_at=seconds(60)))
    assert by_name(records)["ROOT"].finished_at == records.run.finished_at == seconds(60)


@pytest.mark.parametrize(("created", "updated"), [(0, 0), (-1, -1), (0, 10**16)])
def test_missing_times_are_those_of_the_run(created: int, updated: int) -> None:
    records = mapped([a_root(), an_execution(2, "a", created=created, updated=updated)])
    task = by_name(records)["a"]
    assert (task.created_at, task.finished_at) == (seconds(0), seconds(0))
    assert counts(records.findings)[Rule.TIMES_MISSING] == 2


@pytest.mark.parametrize(
    ("state", "wanted"),
    [(COMPLETE, "print"), (CACHED, "print"), (FAILED, ""), (RUNNING, ""), (CANCELED, ""), (None, "")],
)
def test_a_fingerprint_is_kept_where_the_result_may_be_used_again(state: int | None, wanted: str) -> None:
    records = mapped([a_root(), an_execution(2, "a", state=state, cache_fingerprint="print")])
    assert by_name(records)["a"].cache_fingerprint == wanted


def test_a_fingerprint_may_come_from_kfps_old_cache() -> None:
    kfp = KfpRun(RUN_ID, fingerprints={2: "old", 3: "other"})
    tasks = by_name(mapped([a_root(), an_execution(2, "a"), an_execution(3, "b", cache_fingerprint="own")], kfp=kfp))
    assert (tasks["a"].cache_fingerprint, tasks["b"].cache_fingerprint) == ("old", "own")
