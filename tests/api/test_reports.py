"""ReportWorkflow: what a workflow engine says of a run, and what becomes of it."""

import json
from typing import Any

import pytest

from server.rules import json_size
from tests.api.builders import a_root, new_run, run_state
from tests.api.client import Api, code, refusal

pytestmark = pytest.mark.one_database

PHASES = {
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Succeeded": "SUCCEEDED",
    "Skipped": "SKIPPED",
    "Omitted": "SKIPPED",
    "Failed": "FAILED",
    "Error": "FAILED",
}
ENDS = [phase for phase in PHASES if phase not in ("Pending", "Running")]


def a_workflow(run_id: str, **status: Any) -> str:
    return json.dumps({"metadata": {"labels": {"pipeline/runid": run_id}}, "status": status})


async def a_canceling_run(api: Api) -> str:
    run_id = await new_run(api)
    await api.CreateTask(run_id=run_id, task=a_root())
    await api.TerminateRun(run_id=run_id)
    return run_id


@pytest.mark.parametrize("phase", PHASES)
async def test_a_run_takes_the_state_of_its_workflow(api: Api, phase: str) -> None:
    run_id = await new_run(api)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase=phase))
    run = await api.GetRun(run_id=run_id)
    assert await run_state(api, run_id) == PHASES[phase]
    assert (run.finished_at.seconds > 0) == (phase in ENDS)
    assert run.state_history[-1].state == run.state


@pytest.mark.parametrize("phase", ["", "Unheard-of", None, 5])
async def test_a_phase_that_nobody_knows_changes_nothing(api: Api, phase: Any) -> None:
    run_id = await new_run(api)
    before = await api.GetRun(run_id=run_id)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase=phase))
    assert await api.GetRun(run_id=run_id) == before


async def test_a_run_finishes_when_its_workflow_says(api: Api) -> None:
    for text, seconds, nanos in (
        ("2026-01-31T12:00:00Z", 1_769_860_800, 0),
        ("2026-01-31T13:00:00.123456789+01:00", 1_769_860_800, 123_456_000),
    ):
        run_id = await new_run(api)
        await api.ReportWorkflow(workflow=a_workflow(run_id, phase="Succeeded", finishedAt=text))
        finished_at = (await api.GetRun(run_id=run_id)).finished_at
        assert (finished_at.seconds, finished_at.nanos) == (seconds, nanos)


async def test_a_report_that_is_repeated_does_not_move_the_end(api: Api) -> None:
    run_id = await new_run(api)
    end = {"phase": "Failed", "finishedAt": "2026-01-31T12:00:00Z"}
    await api.ReportWorkflow(workflow=a_workflow(run_id, **end))
    before = await api.GetRun(run_id=run_id)
    for status in (end, {"phase": "Failed", "finishedAt": None}, {"phase": "Error", "finishedAt": ""}):
        await api.ReportWorkflow(workflow=a_workflow(run_id, **status))
        assert await api.GetRun(run_id=run_id) == before


@pytest.mark.parametrize("phase", ["Pending", "Running"])
async def test_a_late_report_does_not_reopen_a_run_that_succeeded(api: Api, phase: str) -> None:
    run_id = await new_run(api)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase="Succeeded"))
    before = await api.GetRun(run_id=run_id)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase=phase))
    assert await api.GetRun(run_id=run_id) == before
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase="Failed"))
    assert await run_state(api, run_id) == "FAILED"
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase=phase))  # it is tried again
    assert await run_state(api, run_id) == PHASES[phase]


@pytest.mark.parametrize("phase", PHASES)
async def test_a_canceling_run_takes_an_end_only_and_is_canceled_by_it(api: Api, phase: str) -> None:
    run_id = await a_canceling_run(api)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase=phase))
    assert await run_state(api, run_id) == ("CANCELED" if phase in ENDS else "CANCELING")


@pytest.mark.parametrize("phase", PHASES)
async def test_a_canceled_run_stays_canceled_whatever_its_workflow_does(api: Api, phase: str) -> None:
    run_id = await a_canceling_run(api)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase="Failed"))
    canceled = await api.GetRun(run_id=run_id)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase=phase))
    assert await api.GetRun(run_id=run_id) == canceled


@pytest.mark.parametrize(
    "workflow",
    [
        "",
        "no JSON",
        "[]",
        "[" * 100_000,
        "{}",
        '{"metadata": {"labels": {}}}',
        '{"metadata": {"labels": {"pipeline/runid": ""}}}',
        '{"metadata": {"labels": {"pipeline/runid": 5}}}',
        '{"metadata": []}',
    ],
)
async def test_what_is_no_workflow_of_a_run_is_refused(api: Api, workflow: str) -> None:
    assert await code(api.ReportWorkflow(workflow=workflow)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-W05-6T12:00:00Z",
        "2026-13-31T12:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
    ],
)
async def test_a_time_that_nobody_could_be_shown_is_refused(api: Api, text: str) -> None:
    run_id = await new_run(api)
    late = a_workflow(run_id, phase="Succeeded", finishedAt=text)
    assert await code(api.ReportWorkflow(workflow=late)) == "INVALID_ARGUMENT"
    assert await run_state(api, run_id) == "PENDING"


async def test_a_report_of_an_unknown_run_finds_nothing(api: Api) -> None:
    for run_id in ("nobody", "x" * 10_000, "nul\x00"):
        assert await code(api.ReportWorkflow(workflow=a_workflow(run_id, phase="Failed"))) == "NOT_FOUND"


async def test_a_workflow_of_very_many_values_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await new_run(api)
    monkeypatch.setattr(json_size, "JSON_VALUES_MAX", 100)
    await api.ReportWorkflow(workflow=a_workflow(run_id, phase="Running", message=",:[{" * 100))
    refused = await refusal(api.ReportWorkflow(workflow=a_workflow(run_id, phase="Failed", nodes=[0] * 100)))
    assert (refused.code, refused.message) == ("INVALID_ARGUMENT", "the workflow has more than 100 names and values")
    assert await run_state(api, run_id) == "RUNNING"
