"""ListRunSummaries: the runs of ListRuns, with what went wrong in them, their metrics, and columns."""

import json
from typing import Any

from server.rules import run_summaries
from server.rules.run_summaries import COLUMNS_MAX, LINE_CHARACTERS, VALUE_CHARACTERS
from storage.contract import ReadTx
from storage.fields import RUN_LIST
from storage.model import Artifact, ArtifactType, Run, Task, TaskState, TaskType
from storage.sql.overview import STATUS_CHARACTERS
from tests.api.client import code, refusal
from tests.contract.builders import (
    MOMENT,
    a_link,
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)
from tests.contract.listings import listing
from tests.contract.watching import statements
from tests.lineage.served import Served

ERROR = "ValueError: the registry refused the model"


def task_of(run: Run, type: TaskType, state: TaskState = TaskState.SUCCEEDED, **changes: Any) -> Task:
    """A task of a run."""
    return a_task(run.id, type=type.value, state=state.value, **changes)


def status(message: str, **properties: Any) -> str:
    """The status metadata of a task, as it is stored."""
    more = {"customProperties": properties} if properties else {}
    return json.dumps({"message": message} | more, ensure_ascii=False, separators=(",", ":"))


def metrics_of(task: Task, **values: float) -> list[Any]:
    """Metrics that a task made, and the links to them."""
    metrics = [
        an_artifact(name=name, type=ArtifactType.Metric.value, number_value=value) for name, value in values.items()
    ]
    return [*metrics, *(a_link(task, metric, key=metric.name) for metric in metrics)]


async def summaries(served: Served, **fields: Any) -> list[Any]:
    answer = await served.both("ListRunSummaries", "/runs", **fields)
    return list(answer.runs)


async def summary(served: Served, *columns: str) -> Any:
    """The summary of the only run there is."""
    [run] = await summaries(served, columns=list(columns))
    return run


async def test_a_run_is_shown_with_the_names_of_what_it_belongs_to(served: Served) -> None:
    experiment, pipeline = an_experiment(name="nightly"), a_pipeline(display_name="Churn")
    version = a_version(pipeline.id, display_name="v7")
    times = {"created_at": MOMENT, "finished_at": MOMENT + 5_000_000, "updated_at": MOMENT + 6_000_000}
    run = a_run(
        experiment_id=experiment.id,
        pipeline_id=pipeline.id,
        pipeline_version_id=version.id,
        state="SUCCEEDED",
        storage_state="ARCHIVED",
        display_name="at night",
        **times,
    )
    await keep(served.store, experiment, pipeline, version, run)
    shown = await summary(served)
    assert (shown.run_id, shown.display_name, shown.state, shown.archived) == (run.id, "at night", "SUCCEEDED", True)
    assert (shown.experiment_id, shown.experiment_name) == (experiment.id, "nightly")
    assert (shown.pipeline_id, shown.pipeline_name) == (pipeline.id, "Churn")
    assert (shown.pipeline_version_id, shown.pipeline_version_name) == (version.id, "v7")
    assert {name: getattr(shown, name).ToMicroseconds() for name in times} == times
    assert not shown.HasField("failed")


async def test_a_failed_run_says_which_task_failed_first_and_with_what(served: Served) -> None:
    run, failed = a_run(state="FAILED"), TaskState.FAILED
    await keep(
        served.store,
        run,
        task_of(run, TaskType.ROOT, failed, finished_at=MOMENT + 1, status_metadata=status("a task failed")),
        task_of(run, TaskType.DAG, failed, finished_at=MOMENT + 1, status_metadata=status("a task failed")),
        task_of(run, TaskType.RUNTIME, finished_at=MOMENT, name="load"),
        guilty := task_of(
            run,
            TaskType.RUNTIME,
            failed,
            finished_at=MOMENT + 2,
            name="publish",
            display_name="Publish",
            status_metadata=status(f"\n  {ERROR}\n  at line 7"),
        ),
        task_of(run, TaskType.RUNTIME, failed, finished_at=MOMENT + 3, name="notify"),
    )
    shown = (await summary(served)).failed
    assert (shown.task_id, shown.name, shown.message) == (guilty.id, "Publish", ERROR)


async def test_a_failed_run_without_a_failed_task_that_does_something_names_a_group(served: Served) -> None:
    run = a_run(state="FAILED")
    root = task_of(run, TaskType.ROOT, TaskState.FAILED, name="root", status_metadata=status("nothing was reported"))
    await keep(served.store, run, root, task_of(run, TaskType.RUNTIME))
    shown = (await summary(served)).failed
    assert (shown.task_id, shown.name, shown.message) == (root.id, "root", "nothing was reported")


async def test_only_failed_runs_name_a_failed_task(served: Served) -> None:
    runs = [a_run(state=state) for state in ("RUNNING", "SUCCEEDED", "CANCELED", "FAILED")]
    await keep(served.store, *runs, *(task_of(run, TaskType.RUNTIME, TaskState.FAILED) for run in runs))
    shown = await summaries(served)
    assert [run.HasField("failed") for run in shown] == [False, False, False, True]


async def test_a_long_error_is_cut(served: Served) -> None:
    run = a_run(state="FAILED")
    lines = status("é" * (LINE_CHARACTERS + 1) + "\nmore" * STATUS_CHARACTERS)
    await keep(served.store, run, task_of(run, TaskType.RUNTIME, TaskState.FAILED, status_metadata=lines))
    assert (await summary(served)).failed.message == "é" * LINE_CHARACTERS + "…"


async def test_an_error_before_long_properties_is_found(served: Served) -> None:
    run = a_run(state="FAILED")
    metadata = status(f"{ERROR}\nmore", trace="x" * STATUS_CHARACTERS)
    await keep(served.store, run, task_of(run, TaskType.RUNTIME, TaskState.FAILED, status_metadata=metadata))
    assert (await summary(served)).failed.message == ERROR


async def test_an_old_task_that_failed_is_found_before_many_newer_ones(served: Served) -> None:
    run = a_run(state="FAILED")
    old = task_of(run, TaskType.RUNTIME, TaskState.FAILED, name="old", created_at=MOMENT - 1)
    tasks = [task_of(run, TaskType.RUNTIME) for _ in range(run_summaries.TASKS_MAX)]
    root = task_of(run, TaskType.ROOT, TaskState.FAILED, name="root", created_at=MOMENT + 1)
    await keep(served.store, run, old, *tasks, root)
    assert (await summary(served)).failed.name == "old"


async def test_metrics_come_by_name_at_most_eight(served: Served) -> None:
    run = a_run(state="SUCCEEDED")
    task = task_of(run, TaskType.RUNTIME)
    records = metrics_of(task, **{name: ord(name) / 8 for name in "jihgfedcba"})
    await keep(served.store, run, task, *records)
    shown = await summary(served)
    assert [(metric.name, metric.value) for metric in shown.metrics] == [(name, ord(name) / 8) for name in "abcdefgh"]
    ids = {record.name: record.id for record in records if isinstance(record, Artifact)}
    assert [metric.artifact_id for metric in shown.metrics] == [ids[name] for name in "abcdefgh"]


async def test_columns_are_parameters_and_metrics_that_the_run_has(served: Served) -> None:
    run = a_run(runtime_config=json.dumps({"parameters": {"rate": 0.5, "names": ["a", None], "none": None}}))
    inputs = [{"parameterKey": "rate", "value": 0.1}, {"parameterKey": "depth", "value": 4}, {"parameterKey": "unset"}]
    root = task_of(run, TaskType.ROOT, input_parameters=json.dumps(inputs))
    await keep(served.store, run, root, *metrics_of(root, accuracy=0.9, loss=2.0))
    asked = ["param:rate", "param:depth", "param:names", "param:none", "param:unset", "metric:loss", "metric:bogus"]
    shown = await summary(served, *asked)
    assert set(shown.columns) == {"param:rate", "param:depth", "param:names", "param:none", "metric:loss"}
    assert (shown.columns["param:rate"].number_value, shown.columns["param:depth"].number_value) == (0.5, 4.0)
    assert shown.columns["metric:loss"].number_value == 2.0
    assert shown.columns["param:none"].WhichOneof("kind") == "null_value"
    assert [value.string_value for value in shown.columns["param:names"].list_value.values] == ["a", ""]
    assert not (await summary(served)).columns


async def test_a_metric_that_is_asked_for_need_not_be_among_those_that_are_shown(served: Served) -> None:
    run = a_run()
    task = task_of(run, TaskType.RUNTIME)
    await keep(served.store, run, task, *metrics_of(task, **{f"m{n:02}": float(n) for n in range(40)}))
    shown = await summary(served, "metric:m39")
    assert shown.columns["metric:m39"].number_value == 39.0
    assert [metric.name for metric in shown.metrics] == [f"m{n:02}" for n in range(8)]


async def test_long_parameters_are_cut(served: Served) -> None:
    parameters = {
        "text": "é" * (VALUE_CHARACTERS + 1),
        "list": ["x"] * VALUE_CHARACTERS,
        "short": "é" * VALUE_CHARACTERS,
    }
    await keep(served.store, a_run(runtime_config=json.dumps({"parameters": parameters}, ensure_ascii=False)))
    columns = (await summary(served, "param:text", "param:list", "param:short")).columns
    assert columns["param:text"].string_value == "é" * VALUE_CHARACTERS + "…"
    assert columns["param:list"].string_value == ('["x",' + '"x",' * VALUE_CHARACTERS)[:VALUE_CHARACTERS] + "…"
    assert columns["param:short"].string_value == "é" * VALUE_CHARACTERS


async def test_runs_are_those_of_list_runs_in_the_same_order(served: Served) -> None:
    experiment = an_experiment()
    runs = [
        a_run(created_at=MOMENT + n, display_name=f"run {n % 3}", experiment_id=experiment.id if n % 2 else "other")
        for n in range(7)
    ]
    await keep(served.store, experiment, *runs)
    wanted = json.dumps({"predicates": [{"key": "display_name", "operation": "NOT_EQUALS", "string_value": "run 1"}]})
    for fields in (
        {"sort_by": "created_at desc"},
        {"sort_by": "display_name"},
        {"filter": wanted},
        {"experiment_id": experiment.id},
    ):
        whole = [run.run_id for run in (await served.api.ListRuns(**fields)).runs]
        pages, token = [], ""
        while True:
            page = await served.both("ListRunSummaries", "/runs", page_size=2, page_token=token, **fields)
            pages += [run.run_id for run in page.runs]
            token = page.next_page_token
            if not token:
                break
        assert pages == whole


async def test_tokens_of_one_list_are_refused_by_the_other(served: Served) -> None:
    await keep(served.store, *(a_run() for _ in range(3)))
    api = served.api
    of_summaries = (await api.ListRunSummaries(page_size=1)).next_page_token
    of_runs = (await api.ListRuns(page_size=1)).next_page_token
    assert await code(api.ListRunSummaries(page_token=of_summaries)) == "OK"
    assert await code(api.ListRuns(page_token=of_summaries)) == "INVALID_ARGUMENT"
    assert await code(api.ListRunSummaries(page_token=of_runs)) == "INVALID_ARGUMENT"


async def test_what_cannot_be_asked_for_is_refused(served: Served) -> None:
    api = served.api
    for columns in (["rate"], ["param:"], ["state:FAILED"], ["param:x"] * (COLUMNS_MAX + 1)):
        assert (await refusal(api.ListRunSummaries(columns=columns))).code == "INVALID_ARGUMENT", columns
    assert await code(api.ListRunSummaries(columns=["param:a:b", "param:\x00"])) == "OK"
    assert await code(api.ListRunSummaries(page_size=-1)) == "INVALID_ARGUMENT"
    assert await code(api.ListRunSummaries(filter="{")) == "INVALID_ARGUMENT"
    assert await code(api.ListRunSummaries(experiment_id="bogus")) == "NOT_FOUND"


async def test_an_empty_store_has_no_summaries(served: Served) -> None:
    assert await summaries(served, columns=["param:a", "metric:b"]) == []


async def test_a_page_takes_as_many_statements_however_many_runs_and_tasks_it_has(served: Served) -> None:
    columns = run_summaries.Columns.of(["param:p", "metric:m"])
    asked = listing(RUN_LIST, page_size=64, with_total=False)

    async def read(tx: ReadTx) -> None:
        page = await tx.overview.list_runs(asked, experiment_id=None, namespace=None)
        await run_summaries.read_details(tx, page.rows, columns)

    counts = []
    for count in (1, 63):
        runs = [a_run(state="FAILED", experiment_id="e", pipeline_id="p") for _ in range(count)]
        tasks = [task_of(run, TaskType.DAG, TaskState.FAILED) for run in runs for _ in range(count // 9 + 1)]
        await keep(served.store, *runs, *tasks)
        with statements(served.store) as log:
            await served.store.read(read)
        counts.append(len(log))
    assert counts[0] == counts[1] <= 9
