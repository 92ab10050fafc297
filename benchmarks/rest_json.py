"""The cost of writing a page of 100 tasks as JSON, compared with json_format: `python -m benchmarks.rest_json`.

Both write the same messages to the same JSON, and each message only once, so that nothing is cached. MessageToJson is
measured with its default indentation and without, which is the form that Lineal writes.
"""

import random
import time
import uuid
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from lineal.v2beta1 import run_pb2

from server.doors.rest.json_writer import message_json

TASKS = 100
PAGES = 5
ROUNDS = 8


def main() -> None:
    """Run the benchmark and print the results."""
    chance = random.Random(1)
    lineal_ms = _milliseconds(chance, lambda page: message_json(page).encode())
    print(
        f"CPU per page of {TASKS} tasks, {len(message_json(_page(chance))) // 1024} KiB of JSON: Lineal {lineal_ms:.2f} ms"
    )
    for name, options in (("MessageToJson", {}), ("MessageToJson, compact", {"indent": None})):
        json_format_ms = _milliseconds(chance, lambda page, options=options: _json_format(page, options))
        print(f"{name}: {json_format_ms:.2f} ms, ratio {lineal_ms / json_format_ms:.2f}")


def _json_format(page: Any, options: dict[str, Any]) -> bytes:
    return json_format.MessageToJson(page, preserving_proto_field_name=True, ensure_ascii=False, **options).encode()


def _milliseconds(chance: random.Random, write: Callable[[Any], bytes]) -> float:
    """Return the CPU time per page in the best round."""
    rounds = []
    for _ in range(ROUNDS):
        pages = [_page(chance) for _ in range(PAGES)]
        started = time.process_time()
        for page in pages:
            write(page)
        rounds.append((time.process_time() - started) / PAGES * 1000)
    return min(rounds)


def _page(chance: random.Random) -> Any:
    page = run_pb2.ListTasksResponse(total_size=TASKS, next_page_token=_id(chance) * 3)
    run_id = _id(chance)
    for number in range(TASKS):
        json_format.ParseDict(_task(chance, run_id, number), page.tasks.add())
    return page


def _task(chance: random.Random, run_id: str, number: int) -> dict[str, Any]:
    """Return a training step as Kubeflow Pipelines' driver and launcher record it."""
    producer = {"task_name": "split-data"}
    artifacts = [
        {"artifact_key": "model", "type": "OUTPUT", "producer": {"task_name": "train"}, "artifacts": [_model(chance)]},
        {
            "artifact_key": "metrics",
            "type": "OUTPUT",
            "producer": {"task_name": "train"},
            "artifacts": [_metric(chance)],
        },
    ]
    return {
        "name": "train",
        "display_name": f"Train fold {number}",
        "task_id": _id(chance),
        "run_id": run_id,
        "pods": [{"name": f"pipeline-x7k2p-{_id(chance)}", "uid": _id(chance), "type": kind} for kind in (1, 2)],
        "cache_fingerprint": f"{chance.getrandbits(256):064x}",
        "create_time": _time(chance),
        "end_time": _time(chance),
        "state": "SUCCEEDED",
        "state_history": [{"update_time": _time(chance), "state": state} for state in ("RUNNING", "SUCCEEDED")],
        "type": "RUNTIME",
        "type_attributes": {"iteration_index": number},
        "parent_task_id": _id(chance),
        "inputs": {
            "parameters": [
                _parameter("learning_rate", chance.random()),
                _parameter("rounds", chance.randrange(1000)),
                _parameter("optimizer", {"name": "adam", "betas": [0.9, chance.random()], "amsgrad": False}),
            ],
            "artifacts": [
                {
                    "artifact_key": "data",
                    "type": "TASK_OUTPUT_INPUT",
                    "producer": producer,
                    "artifacts": [_model(chance)],
                }
            ],
        },
        "outputs": {"parameters": [_parameter("accuracy", chance.random())], "artifacts": artifacts},
        "scope_path": f"root.for-loop-1.{number}.train",
    }


def _parameter(key: str, value: Any) -> dict[str, Any]:
    return {
        "parameter_key": key,
        "value": value,
        "type": "COMPONENT_INPUT",
        "producer": {"task_name": "for-loop-1"},
    }


def _model(chance: random.Random) -> dict[str, Any]:
    return {
        "artifact_id": _id(chance),
        "name": "model",
        "type": "Model",
        "uri": f"s3://mlpipeline/v2/artifacts/{_id(chance)}/model",
        "metadata": {"framework": "torch", "parameters": chance.randrange(10**9)},
        "created_at": _time(chance),
    }


def _metric(chance: random.Random) -> dict[str, Any]:
    return {
        "artifact_id": _id(chance),
        "name": "accuracy",
        "type": "Metric",
        "number_value": chance.random(),
        "created_at": _time(chance),
    }


def _id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128)))


def _time(chance: random.Random) -> str:
    return f"2026-05-{chance.randrange(1, 32):02d}T10:{chance.randrange(60):02d}:00.{chance.randrange(10**6):06d}Z"


if __name__ == "__main__":
    main()
