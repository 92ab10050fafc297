"""What a workflow engine says of a run: the body is a JSON text that holds the Workflow as JSON."""

import json
from typing import Any

import pytest

from tests.api.builders import unique
from tests.rest.client import Answer, ask

RUNS = "/apis/v2beta1/runs"
EPOCH = "1970-01-01T00:00:00Z"
SOME_DAY = "2024-01-01T00:00:00Z"


async def new_run(rest: str) -> str:
    return str((await ask(rest, "POST", RUNS, {"display_name": unique("run")})).json["run_id"])


async def report(rest: str, run_id: str, phase: str, finished_at: Any = None) -> Answer:
    workflow = {
        "metadata": {"labels": {"pipeline/runid": run_id}},
        "status": {"phase": phase, "finishedAt": finished_at},
    }
    return await ask(rest, "POST", "/apis/v2beta1/workflows", json.dumps(workflow))


async def state_of(rest: str, run_id: str) -> tuple[str, str, list[str]]:
    run = (await ask(rest, "GET", f"{RUNS}/{run_id}")).json
    return run["state"], run["finished_at"], [entry["state"] for entry in run["state_history"]]


async def test_a_run_takes_the_state_and_the_end_of_its_workflow(rest: str) -> None:
    run_id = await new_run(rest)
    assert (await report(rest, run_id, "Running")).json == {}
    assert await state_of(rest, run_id) == ("RUNNING", EPOCH, ["PENDING", "RUNNING"])
    await report(rest, run_id, "Error", "2024-01-01T01:00:00.123456789+01:00")
    assert await state_of(rest, run_id) == ("FAILED", "2024-01-01T00:00:00.123456Z", ["PENDING", "RUNNING", "FAILED"])


@pytest.mark.parametrize("phase", ["", "Bogus"])
async def test_a_phase_that_says_nothing_changes_nothing(rest: str, phase: str) -> None:
    run_id = await new_run(rest)
    assert (await report(rest, run_id, phase, SOME_DAY)).status == 200
    assert await state_of(rest, run_id) == ("PENDING", EPOCH, ["PENDING"])


async def test_a_report_that_is_repeated_does_not_move_the_end(rest: str) -> None:
    run_id = await new_run(rest)
    await report(rest, run_id, "Failed", SOME_DAY)
    before = await state_of(rest, run_id)
    for phase, finished_at in (("Failed", None), ("Error", "")):
        await report(rest, run_id, phase, finished_at)
        assert await state_of(rest, run_id) == before


async def test_a_canceling_run_takes_only_an_end(rest: str) -> None:
    run_id = await new_run(rest)
    await ask(rest, "POST", f"{RUNS}/{run_id}:terminate")
    await report(rest, run_id, "Running")
    assert (await state_of(rest, run_id))[0] == "CANCELING"
    await report(rest, run_id, "Succeeded", SOME_DAY)
    assert await state_of(rest, run_id) == ("CANCELED", SOME_DAY, ["PENDING", "CANCELED"])


@pytest.mark.parametrize(
    "finished_at",
    [
        "yesterday",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-W01-1T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
async def test_an_end_that_no_answer_could_show_is_refused(rest: str, finished_at: str) -> None:
    run_id = await new_run(rest)
    assert (await report(rest, run_id, "Failed", finished_at)).reason == "INVALID_ARGUMENT"
    assert await state_of(rest, run_id) == ("PENDING", EPOCH, ["PENDING"])


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("{}", 400),
        ('"no JSON"', 400),
        ('"[]"', 400),
        ('"{}"', 400),
        ('"{\\"metadata\\":{\\"labels\\":{\\"pipeline/runid\\":5}}}"', 400),
        ('"{\\"metadata\\":{\\"labels\\":{\\"pipeline/runid\\":\\"no-such-run\\"}}}"', 404),
        ('"{\\"metadata\\":{\\"labels\\":{\\"pipeline/runid\\":\\"\\\\ud800\\"}}}"', 404),
    ],
)
async def test_what_names_no_run_is_refused(rest: str, text: str, status: int) -> None:
    assert (await ask(rest, "POST", "/apis/v2beta1/workflows", text=text)).status == status
