"""Any gRPC client that needs no stubs can list and call the services."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from server.app import APIS
from tests.api.builders import new_artifact, new_run_and_task
from tests.faults.client import connected
from tests.faults.cluster import serving

pytestmark = pytest.mark.databases("sqlite")

STRANGER = Path(__file__).with_name("stranger.py")
GRPCS_OWN = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}


def ask(address: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "error", str(STRANGER), address]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["loaded"] == []
    return found


def served_paths() -> set[str]:
    """The paths of all methods of the services that have a handler; reflection describes services as a whole."""
    methods = [method for api in APIS for method in api.methods]
    services = {method.service for method in methods if method.handler is not None}
    return {method.path for method in methods if method.service in services}


async def test_a_client_without_stubs_lists_and_calls_the_services(migrated_url: str) -> None:
    with serving(migrated_url) as server:
        async with connected(server.grpc) as api:
            run_id, task_id = await new_run_and_task(api)
            artifact_id = await new_artifact(api, run_id, task_id, metadata={"rows": {"number_value": 3}})
            found = ask(server.grpc)
            run = await api.GetRun(run_id=found["created"]["run_id"])
    described = {f"/{name}/{method}" for name, methods in found["methods"].items() for method in methods}
    assert set(found["methods"]) >= GRPCS_OWN
    assert {path for path in described if path.split("/")[1] not in GRPCS_OWN} == served_paths()
    assert set(found["health"].values()) == {"SERVING"}
    assert run.display_name == "from a stranger"
    assert found["read"]["run_id"] == found["created"]["run_id"]
    assert found["read"]["state"] == "PENDING"
    [artifact] = found["artifacts"]["artifacts"]
    assert (artifact["artifact_id"], artifact["metadata"]) == (artifact_id, {"rows": 3.0})


def test_reflection_can_be_switched_off(migrated_url: str) -> None:
    with serving(migrated_url, "--no-reflection") as server:
        done = subprocess.run([sys.executable, str(STRANGER), server.grpc], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "UNIMPLEMENTED" in done.stderr
