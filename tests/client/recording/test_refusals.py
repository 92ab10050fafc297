"""What the server refuses: it is kept and told, and spoils nothing else."""

import json
import logging
from pathlib import Path
from typing import Any

import lineal
import pytest
from lineal import errors
from lineal._recording.caller import Verdict, verdict_of

from tests.client.recording.conftest import Record
from tests.client.recording.places import SUCCEEDED, a_metric, a_model, a_run, a_task, an_output

pytestmark = pytest.mark.databases("sqlite")


def rejected_lines(spool: Path) -> list[Any]:
    return [json.loads(line) for path in spool.glob("rejected/*") for line in path.read_text().splitlines()]


def test_a_refused_run_is_told_with_the_words_of_the_server(record: Record, caplog: pytest.LogCaptureFixture) -> None:
    recording = record()
    run = recording.create_run({"display_name": "x" * 2000})
    with pytest.raises(errors.InvalidArgument, match="display_name"):
        recording.wait_for(run, timeout_seconds=20.0)
    [rejection] = recording.rejected()
    assert (rejection.call, rejection.subject, rejection.code) == ("RunService.CreateRun", run, "INVALID_ARGUMENT")
    assert rejection.message in caplog.text


def test_what_belongs_to_a_refused_run_is_refused_without_a_call(record: Record) -> None:
    recording = record(flush_seconds=3600.0)
    run = recording.create_run({"display_name": "x" * 2000})
    root = recording.create_task(run, {"name": "ROOT", "type": "ROOT"})
    models = [a_model(recording, run, root) for _ in range(20)]
    assert recording.flush(20.0)
    counters = recording.counters
    assert (counters.rejected, counters.waiting, counters.calls) == (22, 0, 0)
    assert len(recording.rejected()) == 22
    with pytest.raises(errors.FailedPrecondition, match="its run was refused"):
        _ = models[7].id


def test_one_bad_artifact_spoils_no_other(record: Record, client: lineal.Client, spool: Path) -> None:
    recording = record(flush_seconds=3600.0)
    run, root = a_run(recording)
    models = [a_model(recording, run, root, name=f"m{number}" if number != 13 else "m" * 200) for number in range(37)]
    assert recording.flush(20.0)
    with pytest.raises(errors.InvalidArgument, match=r"artifact\.name"):
        _ = models[13].id
    ids = [model.id for number, model in enumerate(models) if number != 13]
    found = {
        artifact.artifact_id for each in client.get_task(run, root).outputs.artifacts for artifact in each.artifacts
    }
    assert (len(ids), set(ids)) == (36, found)
    [line] = rejected_lines(spool)
    assert (line["call"], line["item"]["artifact"]["name"]) == ("ArtifactService.CreateArtifactsBulk", "m" * 200)
    assert recording.counters.rejected == 1


def test_one_bad_update_and_one_bad_link_spoil_no_other(record: Record, client: lineal.Client) -> None:
    recording = record(flush_seconds=3600.0)
    run, root = a_run(recording)
    tasks = [a_task(recording, run, root, f"t{number}") for number in range(9)]
    assert recording.flush(20.0)
    model = a_model(recording, run, root)
    for task in (*tasks, "unknown"):
        recording.update_task(run, task, an_output("rows", 3) | {"state": "SUCCEEDED"})
        recording.link(run, task, artifact=model, type="COMPONENT_INPUT", key="model")
    assert recording.flush(20.0)
    seen = {(task.state, len(task.inputs.artifacts)) for task in client.list_tasks(run) if task.name != "ROOT"}
    assert seen == {(SUCCEEDED, 1)}
    assert {rejection.subject for rejection in recording.rejected()} == {"unknown"}
    assert recording.counters.rejected == 2


def test_links_and_points_of_a_refused_artifact_are_refused(record: Record) -> None:
    recording = record()
    run, root = a_run(recording)
    model, metric = a_model(recording, run, root, name="m" * 200), a_metric(recording, run, root, name="l" * 200)
    recording.add_point(metric, None, 1.0, 0.5)
    recording.flush(20.0)
    recording.link(run, root, artifact=model, type="COMPONENT_INPUT", key="model")
    recording.add_point(metric, None, 1.0, 0.5)
    assert recording.flush(20.0)
    calls = [rejection.call.partition(".")[2] for rejection in recording.rejected()]
    assert calls[:2] == ["CreateArtifactsBulk"] * 2
    assert {"CreateArtifactTasksBulk", "UpdateArtifact"} < set(calls)
    assert recording.counters.waiting == 0


def test_a_second_task_of_the_same_place_is_refused(record: Record) -> None:
    recording = record()
    run, _ = a_run(recording)
    first, second = (
        recording.create_task(run, {"name": "fit", "type": "RUNTIME", "scope_path": "root.fit"}) for _ in range(2)
    )
    assert recording.flush(20.0)
    [rejection] = recording.rejected()
    assert rejection.reason == "OTHER_ID"
    assert {rejection.subject} < {first, second}
    assert "exists already, with the id" in rejection.message


def test_many_refusals_are_summed_up(record: Record, caplog: pytest.LogCaptureFixture, spool: Path) -> None:
    caplog.set_level(logging.WARNING)
    recording = record()
    run, root = a_run(recording)
    for _ in range(30):
        a_model(recording, run, root, name="m" * 200)
    assert recording.close(20.0)
    messages = [each.getMessage() for each in caplog.records]
    assert sum("was refused by the server" in message for message in messages) == 10
    assert messages[-1] == f"the server has refused 30 changes in all; they are kept in {spool / 'rejected'}"
    assert len(rejected_lines(spool)) == 30


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.Unavailable("m"), Verdict.LATER),
        (errors.OutcomeUnknown("m"), Verdict.LATER),
        (errors.DeadlineExceeded("m"), Verdict.LATER),
        (errors.PermissionDenied("m", reason="PERMISSION_DENIED"), Verdict.LATER),
        (errors.Unauthenticated("m", reason="UNAUTHENTICATED"), Verdict.LATER),
        (errors.SettingsError("m"), Verdict.LATER),
        (errors.Aborted("m", reason="CONFLICT"), Verdict.LATER),
        (errors.Aborted("m", reason="ABORTED"), Verdict.DEFECT),
        (errors.ResourceExhausted("m", reason="TOO_MANY_CALLS"), Verdict.LATER),
        (errors.ResourceExhausted("m"), Verdict.REFUSED),
        (errors.InvalidArgument("m", reason="INVALID_ARGUMENT"), Verdict.REFUSED),
        (errors.NotFound("m", reason="NOT_FOUND"), Verdict.REFUSED),
        (errors.NotFound("m"), Verdict.LATER),
        (errors.Unimplemented("m"), Verdict.LATER),
        (errors.Internal("m", reason="INTERNAL"), Verdict.DEFECT),
        (errors.AlreadyExists("m", reason="ID_TAKEN"), Verdict.TAKEN),
        (errors.AlreadyExists("m", reason="IDEMPOTENCY_KEY_REUSED"), Verdict.TAKEN),
        (errors.AlreadyExists("m", reason="ALREADY_EXISTS"), Verdict.REFUSED),
    ],
)
def test_only_the_word_of_lineal_is_final(error: errors.LinealError, verdict: Verdict) -> None:
    assert verdict_of(error) is verdict
