"""What a workflow engine says of a run: the body is a JSON text that holds the Workflow as JSON."""

import json
from typing import Any

import pytest

from tests.api.builders import unique
from tests.rest.client import ask

RUNS = "/apis/v2beta1/runs"


async def test_a_run_takes_the_state_and_the_end_of_its_workflow(rest: str) -> None:
    run = (await ask(rest, "POST", RUNS, {"display_name": unique("run")})).json

    async def reported(**status: Any) -> dict[str, Any]:
        workflow = {"metadata": {"labels": {"pipeline/runid": run["run_id"]}}, "status": status}
        assert (await ask(rest, "POST", "/apis/v2beta1/workflows", json.dumps(workflow))).json == {}
        return dict((await ask(rest, "GET", f"{RUNS}/{run['run_id']}")).json)

    going = await reported(phase="Running", finishedAt=None)
    assert (going["state"], going["finished_at"]) == ("RUNNING", "1970-01-01T00:00:00Z")
    ended = await reported(phase="Error", finishedAt="2024-01-01T01:00:00.123456789+01:00")
    assert (ended["state"], ended["finished_at"]) == ("FAILED", "2024-01-01T00:00:00.123456Z")
    assert [entry["state"] for entry in ended["state_history"]] == ["PENDING", "RUNNING", "FAILED"]


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
