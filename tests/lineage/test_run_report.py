"""GetRunReport: where a run broke, what was different before, what it has not reached, and what it made."""

from functools import partial
from typing import Any

import pytest

from server.rules import run_summaries
from server.rules.run_report import report as reports
from server.rules.run_report.report import ARTIFACTS_MAX, read_report
from storage.model import ArtifactType, Run, TaskState, TaskType
from tests.api.client import code
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
from tests.contract.watching import statements
from tests.lineage.broken_run import SPEC, SUCCEEDED, Recorded, compact, index, inputs
from tests.lineage.served import Served

pytestmark = pytest.mark.one_database

STATEMENTS_MAX = 18
"""How many statements a report of a run that failed takes."""


async def report(served: Served, run: Run) -> Any:
    return await served.both("GetRunReport", f"/runs/{run.id}/report", run_id=run.id)


async def test_a_run_is_shown_with_the_names_of_what_it_belongs_to(served: Served) -> None:
    experiment, pipeline = an_experiment(name="nightly"), a_pipeline(display_name="Churn")
    version = a_version(pipeline.id, display_name="v7")
    run = a_run(
        experiment_id=experiment.id,
        pipeline_id=pipeline.id,
        pipeline_version_id=version.id,
        state="SUCCEEDED",
        storage_state="ARCHIVED",
        description="at night",
        finished_at=MOMENT + 5,
        runtime_config=compact({"parameters": {"depth": 4, "long": "x" * 2_000}}),
    )
    root = a_task(run.id, type=TaskType.ROOT.value, state=SUCCEEDED, input_parameters=inputs(rate=0.5, depth=2))
    await keep(served.store, experiment, pipeline, version, run, root)
    shown = await report(served, run)
    assert (shown.experiment_name, shown.pipeline_name, shown.pipeline_version_name) == ("nightly", "Churn", "v7")
    assert (shown.state, shown.archived, shown.description, shown.has_specification) == (
        "SUCCEEDED",
        True,
        "at night",
        False,
    )
    assert shown.finished_at.ToMicroseconds() == MOMENT + 5
    assert {each.name: each.value.number_value for each in shown.parameters} == {"depth": 4, "rate": 0.5, "long": 0}
    assert shown.parameters[1].value.string_value == "x" * 1_000 + "…"
    assert (shown.progress.finished, [(each.state, each.count) for each in shown.progress.tasks]) == (
        True,
        [("SUCCEEDED", 1)],
    )
    assert not shown.blame
    assert not shown.HasField("differences")


async def test_the_way_from_root_to_the_iteration_that_failed_first(served: Served) -> None:
    recorded = Recorded()
    await keep(served.store, *recorded.records)
    shown = await report(served, recorded.run)
    assert [(each.name, each.type, each.state) for each in shown.blame] == [
        ("ROOT", "ROOT", "FAILED"),
        ("tune", "LOOP", "FAILED"),
        ("Train", "RUNTIME", "FAILED"),
    ]
    assert [each.iteration if each.HasField("iteration") else None for each in shown.blame] == [None, None, 1]
    assert shown.blame[-1].message == "ValueError: no rows <b>"
    assert shown.message == "\nValueError: no rows <b>\nTraceback"
    assert shown.failed_after_seconds == 12


async def test_in_a_large_run_the_task_that_failed_is_found_in_the_middle(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_summaries, "TASKS_MAX", 2)
    monkeypatch.setattr(reports, "_LOOKED_AT", 4)
    recorded = Recorded(created_at=MOMENT)
    later = [recorded.task(recorded.root, f"later {number}", state=SUCCEEDED) for number in range(3)]
    await keep(served.store, *recorded.records, *later)
    assert [each.name for each in (await report(served, recorded.run)).blame] == ["ROOT", "tune", "Train"]


async def test_pods_come_with_a_command_for_their_log_unless_a_shell_would_read_more_in_their_name(
    served: Served,
) -> None:
    recorded = Recorded()
    await keep(served.store, *recorded.records)
    pods = (await report(served, recorded.run)).pods
    assert [(pod.name, pod.type, pod.log_command) for pod in pods] == [
        ("$(rm)", "EXECUTOR", ""),
        ("pod-2", "EXECUTOR", "kubectl logs -n team pod-2"),
        ("pod-1", "EXECUTOR", "kubectl logs -n team pod-1"),
        ("pod-driver", "DRIVER", "kubectl logs -n team pod-driver"),
    ]


async def test_inputs_that_differ_from_the_last_success_are_shown(served: Served) -> None:
    of: dict[str, Any] = {"pipeline_id": "churn"}
    old = Recorded(fails=False, **of, created_at=MOMENT - 9, given=inputs(depth=1))
    before = Recorded(
        fails=False,
        **of,
        display_name="good one",
        created_at=MOMENT - 5,
        given=inputs(depth=2, share='{"a":1}', kind="x"),
    )
    failed = Recorded(**of, given=inputs(depth=3, share={"a": 1}, new=[1, {"b": 2}]))
    after = Recorded(fails=False, **of, created_at=MOMENT + 5, given=inputs(depth=4))
    mails = [an_artifact(name="mails", uri=f"s3://mails/{day}", namespace="team") for day in (1, 2)]
    same, made = an_artifact(name="same", uri="s3://same"), [an_artifact(name="part", uri=f"s3://{n}") for n in (1, 2)]
    for recorded, artifact, part in zip((before, failed), mails, made, strict=True):
        recorded.takes("mails", artifact, recorded.importer)
        recorded.takes("same", same, recorded.importer)
        recorded.takes("part", part, recorded.split)
    for recorded in (old, before, failed, after):
        await keep(served.store, *recorded.records[:7])
    await keep(served.store, *mails, same, *made, *before.more, *failed.more)
    found = (await report(served, failed.run)).differences
    assert (found.run_id, found.run_name, found.task_id) == (before.run.id, "good one", before.train.id)
    assert [
        (each.key, each.artifact, [given.text for given in each.here], [given.text for given in each.there])
        for each in found.inputs
    ] == [
        ("depth", False, ["3"], ["2"]),
        ("kind", False, [], ["x"]),
        ("new", False, ['[1,{"b":2}]'], []),
        ("mails", True, ["s3://mails/2"], ["s3://mails/1"]),
    ]
    assert [given.artifact_id for given in found.inputs[-1].here] == [mails[1].id]
    assert (found.same, found.more) == (3, False)


async def test_without_an_earlier_success_a_later_one_is_compared_with(served: Served) -> None:
    failed = Recorded(pipeline_id="churn", given=inputs(depth=3))
    after = Recorded(fails=False, pipeline_id="churn", created_at=MOMENT + 5, given=inputs(depth=4))
    await keep(served.store, *failed.records, *after.records)
    found = (await report(served, failed.run)).differences
    assert (found.run_id, [each.key for each in found.inputs]) == (after.run.id, ["depth"])


async def test_a_run_without_a_pipeline_is_compared_with_one_of_its_experiment_that_has_the_task(
    served: Served,
) -> None:
    failed = Recorded(given=inputs(depth=3))
    before = Recorded(fails=False, created_at=MOMENT - 5, given=inputs(depth=4))
    other = a_run(state="SUCCEEDED", namespace="team", created_at=MOMENT - 1)
    stranger = a_task(other.id, name="train", type_attributes=index(1))
    await keep(served.store, *failed.records, *before.records, other, stranger)
    found = (await report(served, failed.run)).differences
    assert (found.run_id, found.task_id) == (before.run.id, before.train.id)


async def test_a_successful_run_without_the_task_is_named(served: Served) -> None:
    failed = Recorded(pipeline_id="churn", given=inputs(depth=3))
    before = a_run(state="SUCCEEDED", namespace="team", pipeline_id="churn", created_at=MOMENT - 1)
    # The same name elsewhere is another task.
    root = a_task(before.id, name="ROOT", type=TaskType.ROOT.value)
    elsewhere = a_task(before.id, name="train", parent_task_id=root.id, type_attributes=index(1))
    await keep(served.store, *failed.records, before, root, elsewhere)
    found = (await report(served, failed.run)).differences
    assert (found.run_id, found.task_id, list(found.inputs)) == (before.id, "", [])


async def test_what_a_run_has_not_reached_is_in_its_specification(served: Served) -> None:
    recorded = Recorded(pipeline_spec=compact({"pipeline_spec": SPEC}))
    evaluated = recorded.task(recorded.loop, "evaluate", state=SUCCEEDED, type_attributes=index(0))
    third = recorded.task(recorded.loop, "train", state=SUCCEEDED, type_attributes=index(2))
    await keep(served.store, *recorded.records, evaluated, third)
    shown = await report(served, recorded.run)
    assert [(each.name, list(each.groups), each.places) for each in shown.unreached] == [
        ("evaluate", ["tune[1]"], 2),
        ("report", [], 1),
        ("publish", [], 1),
    ]
    assert (shown.has_specification, shown.unreached_more) == (True, False)


async def test_what_is_in_a_group_that_was_skipped_was_not_to_be_reached(served: Served) -> None:
    recorded = Recorded(pipeline_spec=compact(SPEC))
    skipped = recorded.task(recorded.root, "report", TaskType.DAG, state=TaskState.SKIPPED.value)
    publish = recorded.task(recorded.root, "publish")
    evaluated = [
        recorded.task(recorded.loop, "evaluate", state=SUCCEEDED, type_attributes=index(number)) for number in (0, 1)
    ]
    await keep(served.store, *recorded.records, skipped, publish, *evaluated)
    assert not (await report(served, recorded.run)).unreached


async def test_a_run_that_succeeded_or_has_no_specification_has_reached_all(served: Served) -> None:
    good, without = Recorded(fails=False, pipeline_spec=compact(SPEC)), Recorded()
    broken = Recorded(pipeline_spec=compact([1]))
    await keep(served.store, *good.records, *without.records, *broken.records)
    for recorded in (good, without, broken):
        shown = await report(served, recorded.run)
        assert (list(shown.unreached), shown.unreached_more) == ([], False)


async def test_a_run_that_failed_without_a_failed_task_says_what_its_last_state_says(served: Served) -> None:
    history = [
        {"state": "RUNNING"},
        {"state": "FAILED", "error": {"message": "the first time"}},
        {"state": "RUNNING"},
        {"state": "FAILED", "error": {"message": "\nno quota\nmore"}},
    ]
    run = a_run(state="FAILED", state_history=compact(history))
    await keep(served.store, run, a_task(run.id, state=SUCCEEDED))
    shown = await report(served, run)
    assert (shown.error, shown.retries, list(shown.blame)) == ("no quota", 1, [])
    assert not shown.HasField("failed_after_seconds")


async def test_metrics_artifacts_and_charts_are_what_tasks_of_the_run_made(served: Served) -> None:
    recorded = Recorded(fails=False)
    metric = an_artifact(name="accuracy", type=ArtifactType.Metric.value, number_value=0.75)
    model = an_artifact(name="model", type=ArtifactType.Model.value, uri="s3://model")
    points = [{"confidenceThreshold": 0.5, "falsePositiveRate": 0.25, "recall": 0.75}, {"recall": 2}]
    matrix = {"annotationSpecs": [{"displayName": "<cat>"}, {}], "rows": [{"row": [5, 1]}, {"row": [2, 8]}]}
    chart = an_artifact(
        name="roc",
        type=ArtifactType.ClassificationMetric.value,
        metadata=compact({"confidenceMetrics": {"list": points}, "confusionMatrix": {"struct": matrix}}),
    )
    links = [a_link(recorded.train, each, key=each.name, iteration=1) for each in (metric, model, chart)]
    await keep(served.store, *recorded.records, metric, model, chart, *links)
    shown = await report(served, recorded.run)
    assert [(each.name, each.value, each.artifact_id) for each in shown.metrics] == [("accuracy", 0.75, metric.id)]
    assert [(each.name, each.type, each.uri, each.task_name, each.iteration) for each in shown.artifacts] == [
        ("roc", "ClassificationMetric", "", "Train", 1),
        ("model", "Model", "s3://model", "Train", 1),
    ]
    [curve] = shown.roc_curves
    assert [(each.threshold, each.false_positive_rate, each.true_positive_rate) for each in curve.points] == [
        (0.5, 0.25, 0.75)
    ]
    [confusion] = shown.confusion_matrices
    assert (list(confusion.labels), [list(row.counts) for row in confusion.rows]) == (["<cat>", ""], [[5, 1], [2, 8]])


async def test_of_many_artifacts_the_newest_are_shown(served: Served) -> None:
    recorded = Recorded(fails=False)
    artifacts = [an_artifact() for _ in range(ARTIFACTS_MAX + 1)]
    await keep(served.store, *recorded.records, *artifacts)
    await keep(served.store, *(a_link(recorded.train, each) for each in artifacts))
    shown = await report(served, recorded.run)
    assert [each.artifact_id for each in shown.artifacts] == [each.id for each in artifacts[:0:-1]]
    assert shown.artifacts_more


async def test_a_run_that_does_not_exist_is_not_found(served: Served) -> None:
    for run_id in ("nothing", "", "n" * 300):
        assert await code(served.api.GetRunReport(run_id=run_id)) == "NOT_FOUND"
        assert await code(served.api.GetRunProgress(run_id=run_id)) == "NOT_FOUND"


async def test_progress_counts_tasks_and_changes_with_each_of_them(served: Served) -> None:
    run = a_run(state="RUNNING")
    first = a_task(run.id, state=TaskState.RUNNING.value)
    await keep(served.store, run, first)

    async def progress() -> Any:
        return await served.both("GetRunProgress", f"/runs/{run.id}/progress", run_id=run.id)

    shown = [await progress()]
    assert (shown[0].state, shown[0].finished) == ("RUNNING", False)
    assert [(each.state, each.count) for each in shown[0].tasks] == [("RUNNING", 1)]
    await keep(served.store, a_task(run.id, state=SUCCEEDED))
    shown.append(await progress())
    changed = {"run_id": run.id, "task_id": first.id, "task": {"state": "SUCCEEDED"}}
    await served.api.UpdateTask(**changed)
    shown.append(await progress())
    assert [(each.state, each.count) for each in shown[2].tasks] == [("SUCCEEDED", 2)]
    assert len({each.version for each in shown}) == 3


async def test_a_report_takes_as_many_statements_for_a_large_run(served: Served) -> None:
    small = Recorded(pipeline_id="churn", pipeline_spec=compact(SPEC))
    large = Recorded(pipeline_id="churn", pipeline_spec=compact(SPEC), created_at=MOMENT + 1)
    before = Recorded(fails=False, pipeline_id="churn", created_at=MOMENT - 5)
    tasks = [large.task(large.loop, "train", type_attributes=index(number)) for number in range(2, 300)]
    await keep(served.store, *small.records, *before.records, *large.records, *tasks)

    counts = []
    for recorded in (small, large):
        with statements(served.store) as log:
            await served.store.read(partial(read_report, run_id=recorded.run.id, namespace=None, marks_here=None))
        counts.append(len(log))
    assert counts[0] == counts[1] <= STATEMENTS_MAX
