"""Search, over gRPC and REST: what a query finds, in which order, and within which bounds."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from server.apis.lineal.search import PAGE_SIZE_MAX
from server.rules.search import look as looking
from storage.ids import new_id
from storage.model import Artifact, ArtifactType, IOType, Run, RunState, Task, TaskState, TaskType
from tests.contract.builders import MOMENT, a_link, a_pipeline, a_run, a_task, an_artifact, an_experiment, keep
from tests.contract.uris import with_uri
from tests.lineage.served import Served

METRIC = ArtifactType.Metric.value
DAY = 86_400 * 1_000_000


async def found(served: Served, query: str, **fields: Any) -> list[str]:
    """The refs that all pages of a query have, in order."""
    refs: list[str] = []
    token = ""
    while True:
        page = await served.api.Search(query=query, page_token=token, **fields)
        refs += [node.ref for node in page.nodes]
        token = page.next_page_token
        assert page.complete == (token == "")
        if page.complete:
            return refs


def refs(*rows: Run | Task | Artifact | Any) -> list[str]:
    """The refs of rows."""
    return [f"{type(row).__name__.lower()}/{row.id}" for row in rows]


async def test_names_are_found_in_parts_and_in_any_case_the_newest_first(served: Served) -> None:
    run = a_run(display_name="Churn nightly", created_at=MOMENT + 3)
    artifact = an_artifact(name="CHURN", created_at=MOMENT + 2)
    experiment = an_experiment(name="about churning", created_at=MOMENT + 1)
    older = a_run(display_name="churn", created_at=MOMENT)
    await keep(served.store, older, experiment, artifact, run, a_run(display_name="chur n"))
    assert await found(served, "chUrn") == refs(run, artifact, experiment, older)
    assert await found(served, "churn NIGHT") == refs(run)
    assert await found(served, '"churn n"') == refs(run)
    assert await found(served, "churn", kinds=["artifact", "experiment"]) == refs(artifact, experiment)
    assert await found(served, "ÄÖ") == []


async def test_signs_of_patterns_in_words_stand_for_themselves(served: Served) -> None:
    names = ["50%", "a_b", "c*", "d?", "back\\slash", 'a "quote"']
    runs = [a_run(display_name=name) for name in names]
    await keep(served.store, *runs, a_run(display_name="50 a b cc dd"))
    words = ["50%", "a_b", "c*", "d?", "back\\slash", '"a \\"quote\\""']
    for word, run in zip(words, runs, strict=True):
        assert await found(served, word) == refs(run)
    assert await found(served, "%") == refs(runs[0])


async def test_exact_ids_come_before_uris_and_these_before_names(served: Served) -> None:
    uri = "s3://bucket/model"
    run, task_run = a_run(id=uri, display_name="x"), a_run()
    newest = an_artifact(created_at=MOMENT + 9, **with_uri(uri))
    other = an_artifact(created_at=MOMENT + 8, namespace="b", **with_uri(uri))
    oldest = an_artifact(created_at=MOMENT + 1, **with_uri(uri))
    named = a_run(display_name=f"reads {uri}", created_at=MOMENT + 10)
    await keep(served.store, run, task_run, oldest, newest, other, named, an_artifact(**with_uri(uri + "/x")))
    assert await found(served, uri) == refs(run, newest, oldest, other, named)
    assert await found(served, uri, page_size=1) == refs(run, newest, oldest, other, named)


async def test_an_id_finds_its_row_of_each_kind_and_a_ref_the_one_of_its_kind(served: Served) -> None:
    rows: list[Any] = [
        a_run(id="same"),
        a_task("same", id="same"),
        an_artifact(id="same"),
        an_experiment(id="same", name="e"),
    ]
    await keep(served.store, *rows)
    assert await found(served, "same") == refs(*rows)
    for row in rows:
        [ref] = refs(row)
        assert await found(served, ref) == [ref]
        assert await found(served, "same", kinds=[ref.partition("/")[0]]) == [ref]
    assert await found(served, "run/unknown") == []


async def test_a_page_with_exact_ids_comes_without_looking_through_names(served: Served) -> None:
    run, named = a_run(display_name="x"), a_run(display_name="y")
    await keep(served.store, run, a_run(display_name=f"again {run.id}"), named)
    page = await served.api.Search(query=run.id)
    assert [node.ref for node in page.nodes] == refs(run)
    assert not page.complete
    second = await served.api.Search(query=run.id, page_token=page.next_page_token)
    assert len(second.nodes) == 1
    assert second.complete


async def test_all_words_and_qualifiers_must_hold_of_an_exact_id_too(served: Served) -> None:
    run = a_run(display_name="nightly", state=RunState.FAILED.name)
    task = a_task(run.id, name="train")
    await keep(served.store, run, task)
    assert await found(served, f"{run.id} night state:failed") == refs(run)
    assert await found(served, f"{run.id} daily") == []
    assert await found(served, f"{run.id} state:succeeded") == []
    assert await found(served, f"{task.id} state:failed") == refs(task)
    assert await found(served, f"{task.id} state:running") == []
    for row in (run, task):
        assert await found(served, f"{row.id} since:2023-11-14 until:2023-11-14") == refs(row)
        assert await found(served, f"{row.id} since:2023-11-15") == []
        assert await found(served, f"{row.id} until:2023-11-13") == []


async def test_a_state_finds_runs_in_it(served: Served) -> None:
    failed = a_run(display_name="a", state="FAILED")
    await keep(served.store, failed, a_run(display_name="a", state="SUCCEEDED"))
    for query in ("state:failed", "state:FAILED", "a state:failed", 'state:"failed"'):
        assert await found(served, query) == refs(failed)


async def test_a_pipeline_is_named_by_its_id_its_name_or_a_part_of_its_names(served: Served) -> None:
    pipelines = [
        a_pipeline(name="churn"),
        a_pipeline(name="churn-weekly", display_name="every Monday"),
        a_pipeline(name="other"),
    ]
    runs = [a_run(pipeline_id=pipeline.id) for pipeline in pipelines]
    gone = a_run(pipeline_id=new_id())
    await keep(served.store, *pipelines, *runs, gone, a_run())
    assert await found(served, f"pipeline:{pipelines[1].id}") == refs(runs[1])
    assert await found(served, "pipeline:churn") == refs(runs[0])
    assert await found(served, "pipeline:CHUR") == refs(runs[1], runs[0])
    assert await found(served, 'pipeline:"every mon"') == refs(runs[1])
    assert await found(served, f"pipeline:{gone.pipeline_id}") == refs(gone)
    assert await found(served, "pipeline:nothing") == []


async def test_an_experiment_is_named_by_its_id_its_name_or_a_part_of_it(served: Served) -> None:
    experiments = [an_experiment(name="churn"), an_experiment(name="churn two"), an_experiment(name="other")]
    runs = [a_run(experiment_id=experiment.id, display_name="night") for experiment in experiments]
    await keep(served.store, *experiments, *runs)
    assert await found(served, f"experiment:{experiments[1].id}") == refs(runs[1])
    assert await found(served, "experiment:churn") == refs(runs[0])
    assert await found(served, "experiment:CHUR") == refs(runs[1], runs[0])
    assert await found(served, "experiment:churn churn") == refs(experiments[0])
    assert await found(served, "night experiment:churn") == refs(runs[0])


async def test_since_and_until_limit_the_time_of_creation(served: Served) -> None:
    day = 20_513 * DAY  # 2026-03-01
    times = [day - 1, day, day + DAY - 1, day + DAY]
    runs = [a_run(display_name=f"r{number}", created_at=moment) for number, moment in enumerate(times)]
    artifacts = [an_artifact(name=f"r{number}", created_at=moment) for number, moment in enumerate(times)]
    await keep(served.store, *runs, *artifacts)
    assert await found(served, "since:2026-03-01 until:2026-03-01") == refs(runs[2], runs[1])
    expected = refs(runs[2], artifacts[2], runs[1], artifacts[1])
    assert await found(served, "r since:2026-03-01 until:2026-03-01") == expected
    assert await found(served, "since:2026-03-02") == refs(runs[3])
    assert await found(served, "until:2026-02-28T23:59:59.999999") == refs(runs[0])
    assert await found(served, "until:2026-03-01T01:00:00+01:00") == refs(runs[1], runs[0])


async def test_an_age_is_counted_from_now(served: Served) -> None:
    now = time.time_ns() // 1000
    runs = [a_run(created_at=now - hours * 3_600_000_000) for hours in (1, 30, 24 * 20)]
    await keep(served.store, *runs)
    assert await found(served, "since:2h") == refs(runs[0])
    assert await found(served, "since:2d") == refs(*runs[:2])
    assert await found(served, "since:2d until:1d") == refs(runs[1])
    assert await found(served, "until:2w") == refs(runs[2])
    assert await found(served, "since:999999999w") == refs(*runs)


async def test_a_type_finds_artifacts_of_it(served: Served) -> None:
    model = an_artifact(name="churn", type=ArtifactType.Model.value)
    await keep(served.store, model, an_artifact(name="churn"), a_run(display_name="churn"))
    assert await found(served, "type:model") == refs(model)
    assert await found(served, "churn type:Model") == refs(model)
    assert await found(served, f"{model.id} type:Dataset") == []
    assert await found(served, "churn type:Model", kinds=["run", "experiment", "task"]) == []


async def a_trained_run(served: Served, **fields: Any) -> tuple[Run, Task, Artifact]:
    """A run whose task trained a model, which its ROOT repeats, and the metrics of which are given."""
    metrics = fields.pop("metrics", {})
    run = a_run(**fields)
    root = a_task(run.id, name="ROOT", type=TaskType.ROOT.value)
    task = a_task(run.id, name="train", type=TaskType.RUNTIME.value, state=TaskState.SUCCEEDED.value)
    model = an_artifact(name="model", type=ArtifactType.Model.value)
    numbers = [an_artifact(name=name, type=METRIC, number_value=number) for name, number in metrics.items()]
    links = [a_link(task, each, key=each.name) for each in (model, *numbers)]
    await keep(served.store, run, root, task, model, *numbers, *links, a_link(root, model))
    return run, task, model


async def test_a_metric_finds_runs_one_of_whose_tasks_put_it_out(served: Served) -> None:
    good, _, _ = await a_trained_run(served, metrics={"accuracy": 0.95, "val loss": 2.0})
    bad, _, _ = await a_trained_run(served, metrics={"accuracy": 0.5})
    await a_trained_run(served, metrics={"Accuracy": 0.99})
    assert await found(served, "metric:accuracy>0.9") == refs(good)
    assert await found(served, "metric:accuracy>=0.5") == refs(bad, good)
    assert await found(served, "metric:accuracy<9.5e-1") == refs(bad)
    assert await found(served, "metric:accuracy<=.95 metric:accuracy!=0.5") == refs(good)
    assert await found(served, "metric:accuracy=0.5") == refs(bad)
    assert await found(served, 'metric:"val loss">1 metric:accuracy>0.1') == refs(good)
    assert await found(served, "metric:accuracy>1") == []


async def test_a_metric_is_found_behind_any_number_of_links(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.rules.search.matching.LINKS_AT_ONCE", 2)
    names = {f"m{number}": float(number) for number in range(7)}
    run, _, _ = await a_trained_run(served, metrics=names)
    other, _, _ = await a_trained_run(served, metrics=names | {"m6": 0.0})
    assert await found(served, "metric:m6>5 metric:m1>0") == refs(run)
    assert await found(served, "metric:m6>=0") == refs(other, run)


async def test_qualifiers_of_runs_find_artifacts_that_such_runs_made(served: Served) -> None:
    failed, task, model = await a_trained_run(served, state="FAILED", metrics={"accuracy": 0.9})
    other, other_task, _ = await a_trained_run(served, state="SUCCEEDED")
    cached = a_task(failed.id, name="cached", type=TaskType.RUNTIME.value, state=TaskState.CACHED.value)
    elsewhere = an_artifact(name="model", type=ArtifactType.Model.value)
    used = a_link(task, elsewhere, type=IOType.COMPONENT_INPUT.value)
    await keep(served.store, cached, elsewhere, used, a_link(other_task, elsewhere, key="e"), a_link(cached, elsewhere))
    assert await found(served, "state:failed type:Model") == refs(model)
    assert await found(served, "state:failed type:Model model metric:accuracy>0.5") == refs(model)
    assert await found(served, "state:failed type:Model metric:accuracy>0.95") == []
    assert len(await found(served, "state:succeeded type:Model")) == 2
    assert other.id != failed.id


async def test_tasks_are_found_through_their_runs(served: Served) -> None:
    failed, task, _ = await a_trained_run(served, state="FAILED", display_name="nightly")
    await a_trained_run(served, state="SUCCEEDED")
    shown = a_task(failed.id, name="x", display_name="TRAINer", created_at=MOMENT + 1)
    await keep(served.store, shown)
    assert await found(served, "train state:failed") == refs(task, shown)
    assert await found(served, "trainer state:failed") == refs(shown)
    assert await found(served, "night state:failed") == refs(failed)
    assert await found(served, "train") == []
    assert len(await found(served, "train", kinds=["task"])) == 3
    assert await found(served, task.id) == refs(task)


async def test_tasks_of_a_large_run_are_found_page_by_page(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.rules.search.names.TASKS_OF_RUN", 3)
    monkeypatch.setattr("server.rules.search.names.ROWS", 4)
    runs = [a_run(created_at=MOMENT + number) for number in range(3)]
    tasks = [[a_task(run.id, name=f"train {n}", created_at=MOMENT + n // 2) for n in range(8)] for run in runs]
    await keep(served.store, *runs, *(task for each in tasks for task in each))
    expected = [ref for each in reversed(tasks) for ref in refs(*each)]
    for page_size in (1, 3, 8, 100):
        assert await found(served, "train", kinds=["task"], page_size=page_size) == expected
    monkeypatch.setattr(looking, "ROWS_MAX", 5)
    assert await found(served, "train", kinds=["task"]) == expected


async def test_pages_go_on_where_the_one_before_ended(served: Served) -> None:
    rows = [a_run(display_name="x", created_at=MOMENT + n // 4, id=f"r{n:02}") for n in range(12)]
    rows += [an_artifact(name="x", created_at=MOMENT + n // 4, id=f"a{n:02}") for n in range(12)]  # type: ignore[misc]
    rows += [an_experiment(name=f"x{n}", created_at=MOMENT + n // 4, id=f"e{n:02}") for n in range(12)]  # type: ignore[misc]
    await keep(served.store, *rows)
    kinds = {"Run": 0, "Artifact": 1, "Experiment": 2}
    rows.sort(key=lambda row: row.id, reverse=True)
    rows.sort(key=lambda row: (-row.created_at, kinds[type(row).__name__]))
    for page_size in (1, 5, PAGE_SIZE_MAX):
        assert await found(served, "x", page_size=page_size) == refs(*rows)


async def test_a_call_looks_through_so_many_rows_and_the_next_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "ROWS_MAX", 10)
    oldest = a_run(display_name="wanted", created_at=MOMENT - 1)
    await keep(served.store, oldest, *(a_run() for _ in range(25)))
    pages = []
    token = ""
    while True:
        page = await served.api.Search(query="wanted", kinds=["run"], page_token=token)
        pages.append(([node.ref for node in page.nodes], page.complete))
        token = page.next_page_token
        if not token:
            break
    assert pages == [([], False), ([], False), (refs(oldest), True)]


async def test_an_index_leads_past_rows_that_are_not_meant(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "ROWS_MAX", 2)
    pipeline, experiment = a_pipeline(name="churn"), an_experiment(name="churn")
    of_both = {"pipeline_id": pipeline.id, "experiment_id": experiment.id}
    wanted = a_run(created_at=0, state="FAILED", namespace="here", **of_both)
    await keep(served.store, pipeline, experiment, wanted, *(a_run() for _ in range(9)))
    for query in (
        f"pipeline:{pipeline.id}",
        "pipeline:churn",
        f"experiment:{experiment.id}",
        "experiment:churn",
        "state:failed",
        "since:1960-01-01",
    ):
        namespace = "here" if query.startswith("since") else ""
        page = await served.api.Search(query=query, kinds=["run"], namespace=namespace)
        assert ([node.ref for node in page.nodes], page.complete) == (refs(wanted), True), query


async def test_a_call_that_takes_long_ends_and_the_next_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.rules.search.names.FIRST_ROWS", 10)
    monkeypatch.setattr("server.rules.search.names.ROWS", 10)
    monkeypatch.setattr(looking, "SECONDS_MAX", -1.0)
    oldest = a_run(display_name="wanted", created_at=MOMENT - 1)
    await keep(served.store, oldest, *(a_run() for _ in range(15)))
    page = await served.api.Search(query="wanted", kinds=["run"])
    assert (list(page.nodes), page.complete) == ([], False)
    assert await found(served, "wanted", kinds=["run"]) == refs(oldest)


async def test_a_node_shows_what_it_is(served: Served) -> None:
    run, task, model = await a_trained_run(
        served, display_name="nightly", state="FAILED", finished_at=MOMENT + 5_000_000
    )
    experiment = an_experiment(name="nightly", namespace="team")
    await keep(served.store, experiment)
    nodes = {node.ref: node for node in (await served.api.Search(query="nightly")).nodes}
    shown = nodes[f"run/{run.id}"]
    assert (shown.name, shown.type, shown.state, shown.origin) == ("nightly", "Run", "FAILED", "kfp")
    assert shown.finished_at.seconds - shown.created_at.seconds == 5
    shown = nodes[f"experiment/{experiment.id}"]
    assert (shown.name, shown.type, shown.state, shown.namespace) == ("nightly", "Experiment", "AVAILABLE", "team")
    [shown] = (await served.api.Search(query="type:Model")).nodes
    assert (shown.ref, shown.name, shown.type, shown.run) == (f"artifact/{model.id}", "model", "Model", f"run/{run.id}")
    [shown] = (await served.api.Search(query=task.id)).nodes
    assert (shown.name, shown.type, shown.state, shown.run) == ("train", "RUNTIME", "SUCCEEDED", f"run/{run.id}")


async def test_a_namespace_limits_what_is_found(served: Served) -> None:
    rows: Sequence[Any] = [
        [a_run(display_name="x", namespace=n), an_artifact(name="x", namespace=n), an_experiment(name="x", namespace=n)]
        for n in ("here", "there")
    ]
    places: list[list[Any]] = [
        [an_artifact(namespace=n, **with_uri("s3://x")), a_pipeline(name="p", namespace=n)] for n in ("here", "there")
    ]
    runs = [a_run(namespace=n, pipeline_id=places[i][1].id, created_at=0) for i, n in enumerate(("here", "there"))]
    await keep(served.store, *rows[0], *rows[1], *places[0], *places[1], *runs)
    assert await found(served, "x", namespace="here") == refs(*rows[0])
    assert len(await found(served, "x")) == 6
    assert await found(served, "s3://x", namespace="there") == refs(places[1][0])
    assert await found(served, rows[1][0].id, namespace="here") == []
    assert await found(served, "pipeline:p", namespace="here") == refs(runs[0])
    assert await found(served, "x", namespace="nowhere") == []
