"""schemathesis asks a served process for whatever the document allows and forbids, and follows its links."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import Server, serving
from tests.openapi.document import FILE
from tests.rest.client import ask

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).parent / "st"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
BOUND_SECONDS = 3600.0
API = "/apis/v2beta1"
SPEC = "pipelineInfo: {name: fuzzed}\nroot: {}\nschemaVersion: 2.1.0\n"
BOUNDARY = "boundary"
UPLOAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="uploadfile"; filename="fuzzed.yaml"\r\n\r\n'
    f"{SPEC}\r\n--{BOUNDARY}--\r\n"
)


async def fill(server: Server) -> None:
    """Record something of every kind, so that there is something to find."""

    async def post(path: str, body: Any = None, **sent: str) -> dict[str, Any]:
        answer = await ask(server.rest, "POST", path, body, **sent)
        assert answer.status == 200, answer.body
        made: dict[str, Any] = answer.json
        return made

    await post(f"{API}/experiments", {"display_name": "fuzzed"})
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    pipeline = await post(f"{API}/pipelines/upload", text=UPLOAD, content_type=kind)
    reference = {"pipeline_id": pipeline["pipeline_id"]}
    run = await post(f"{API}/runs", {"display_name": "fuzzed", "pipeline_version_reference": reference})
    tasks = f"{API}/runs/{run['run_id']}/tasks"
    root = await post(tasks, {"name": "root", "type": "ROOT", "state": "RUNNING", "scope_path": "root"})
    task = {"name": "train", "type": "RUNTIME", "parent_task_id": root["task_id"], "cache_fingerprint": "fuzzed"}
    child = await post(tasks, {**task, "state": "SUCCEEDED", "pods": [{"name": "pod", "type": "EXECUTOR"}]})
    artifact = {"name": "loss", "type": "Metric", "number_value": 0.5, "namespace": "any", "metadata": {"loss": 0.5}}
    made = {"run_id": run["run_id"], "task_id": child["task_id"], "producer_key": "loss"}
    await post(f"{API}/artifacts", {**made, "artifact": artifact})


def run_program(document: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Let schemathesis ask by a document at an address or in a file."""
    command = [PROGRAM, f"--config-file={CONFIGURATION}", "run", document, "--warnings=off", *arguments]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=BOUND_SECONDS)


def asked(server: Server, folder: Path, *arguments: str, document: str = "openapi.json") -> dict[str, Any]:
    """Let schemathesis ask; return its report. Fails with what it says when it finds something."""
    report = folder / "report.json"
    keeping = ("--report=json", f"--report-json-path={report}")
    done = run_program(f"http://{server.rest}/{document}", folder, *keeping, *arguments)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    found: dict[str, Any] = json.loads(report.read_text())
    assert (found["failures"], found["errors"], found["complete"]) == ([], [], True)
    return found


def cases(report: dict[str, Any]) -> int:
    number: int = report["test_cases"]["generated"]
    return number


@pytest.fixture
def rounds_of_links(rounds: Callable[[int, int], int]) -> range:
    """Seeds: following links ends early when an answer differs from the one before, so it begins again and again."""
    return range(1, rounds(2, 40) + 1)


@pytest.mark.databases("sqlite")
def test_no_request_is_answered_against_the_document(
    migrated_url: str, tmp_path: Path, rounds: Callable[[int, int], int], rounds_of_links: range
) -> None:
    examples = rounds(4, 100)
    with serving(migrated_url) as server:
        asyncio.run(fill(server))
        single = asked(server, tmp_path, "--phases=coverage,fuzzing", f"--max-examples={examples}", "--seed=1")
        linked = [
            asked(server, tmp_path, "--phases=stateful", f"--max-examples={examples * 10}", f"--seed={seed}", *mode)
            for seed in rounds_of_links
            for mode in ((), ("--mode=positive",))
        ]
        assert not [line for line in server.log_lines() if line.get("level") == "error"]
    assert cases(single) >= 2_000
    assert sum(map(cases, linked)) >= rounds(100, 2_000)


@pytest.mark.databases("sqlite")
def test_no_request_to_lineals_own_api_is_answered_against_its_document(
    migrated_url: str, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    phases = ("--phases=coverage,fuzzing,stateful", f"--max-examples={rounds(4, 100)}", "--seed=1")
    with serving(migrated_url) as server:
        asyncio.run(fill(server))
        report = asked(server, tmp_path, *phases, document="openapi/lineal.json")
        assert not [line for line in server.log_lines() if line.get("level") == "error"]
    assert cases(report) >= 100


def without_not_found(document: dict[str, Any]) -> None:
    del document["paths"][f"{API}/runs/{{run_id}}"]["get"]["responses"]["404"]


def with_numbers_for_ids(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Run"]["properties"]["run_id"]["type"] = "integer"


def with_another_limit(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["ExperimentInput"]["properties"]["display_name"]["maxLength"] = 100


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("plant", "operation", "finding"),
    [
        (without_not_found, "RunService_GetRun", "Undocumented status code"),
        (with_numbers_for_ids, "RunService_ListRuns", "Response violates schema"),
        (with_another_limit, "ExperimentService_CreateExperiment", "Schema-violating request accepted"),
    ],
)
def test_a_planted_lie_is_found(
    migrated_url: str, tmp_path: Path, plant: Callable[[dict[str, Any]], None], operation: str, finding: str
) -> None:
    document = json.loads(FILE.read_text())
    plant(document)
    file = tmp_path / "lying.json"
    file.write_text(json.dumps(document))
    only = (f"--include-operation-id={operation}", "--phases=coverage", "--max-examples=5", "--seed=1")
    with serving(migrated_url) as server:
        asyncio.run(fill(server))
        done = run_program(str(file), tmp_path, f"--url=http://{server.rest}", *only)
    assert done.returncode == 1, done.stdout
    assert finding in done.stdout
