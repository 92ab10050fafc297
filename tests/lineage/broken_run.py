"""A run that failed in an iteration of a loop, as records. The tests of reports, levels and pages call this."""

import json
from collections.abc import Sequence
from typing import Any

from storage.model import Artifact, IOType, Task, TaskState, TaskType
from tests.contract.builders import a_link, a_run, a_task

FAILED, SUCCEEDED = TaskState.FAILED.value, TaskState.SUCCEEDED.value
SECOND = 1_000_000


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def status(message: str) -> str:
    return compact({"message": message})


def inputs(**values: Any) -> str:
    return compact([{"parameterKey": key, "value": value, "type": "COMPONENT_INPUT"} for key, value in values.items()])


def index(number: int) -> str:
    return compact({"iterationIndex": str(number)})


class Recorded:
    """A run of a pipeline with a loop, in whose second iteration a task trains, which fails unless it says otherwise."""

    def __init__(self, *, fails: bool = True, given: str | None = None, **run: Any) -> None:
        state = FAILED if fails else SUCCEEDED
        self.run = a_run(**{"state": "FAILED" if fails else "SUCCEEDED", "namespace": "team"} | run)
        self.root = self.task(None, "ROOT", TaskType.ROOT, state=state, status_metadata=status("a task failed"))
        self.importer = self.task(self.root, "import", TaskType.IMPORTER, state=SUCCEEDED)
        self.split = self.task(self.root, "split", state=SUCCEEDED)
        self.loop = self.task(self.root, "tune", TaskType.LOOP, state=state, status_metadata=status("a task failed"))
        self.good = self.task(self.loop, "train", state=SUCCEEDED, type_attributes=index(0))
        self.train = self.task(
            self.loop,
            "train",
            state=state,
            display_name="Train",
            type_attributes=index(1),
            finished_at=self.run.created_at + 12 * SECOND,
            status_metadata=status("\nValueError: no rows <b>\nTraceback"),
            input_parameters=given,
            pods=compact(
                [
                    {"name": "pod-1", "type": "EXECUTOR"},
                    {"name": "pod-driver", "type": "DRIVER"},
                    {"name": "pod-2", "type": "EXECUTOR"},
                    {"name": "$(rm)", "type": "EXECUTOR"},
                ]
            ),
        )
        self.tasks = [self.root, self.importer, self.split, self.loop, self.good, self.train]
        self.more: list[Any] = []

    def task(self, parent: Task | None, name: str, type: TaskType = TaskType.RUNTIME, **changes: Any) -> Task:
        parent_id = None if parent is None else parent.id
        return a_task(self.run.id, name=name, type=type.value, parent_task_id=parent_id, namespace="team", **changes)

    def takes(self, key: str, artifact: Artifact, maker: Task) -> None:
        """Let the task that trains take what another task made."""
        self.more += [
            a_link(maker, artifact, key=key),
            a_link(self.train, artifact, key=key, type=IOType.TASK_OUTPUT_INPUT.value),
        ]

    @property
    def records(self) -> Sequence[Any]:
        return [self.run, *self.tasks, *self.more]


SPEC = {
    "root": {
        "dag": {
            "tasks": {
                "import": {"componentRef": {"name": "comp-import"}},
                "split": {"componentRef": {"name": "comp-split"}},
                "tune": {"componentRef": {"name": "comp-tune"}, "parameterIterator": {"itemInput": "x"}},
                "report": {
                    "componentRef": {"name": "comp-report"},
                    "dependentTasks": ["tune"],
                    "inputs": {
                        "artifacts": {
                            "models": {"taskOutputArtifact": {"producerTask": "tune", "outputArtifactKey": "model"}}
                        }
                    },
                },
                "publish": {"componentRef": {"name": "comp-publish"}, "dependentTasks": ["report"]},
            }
        }
    },
    "components": {
        "comp-tune": {
            "dag": {
                "tasks": {
                    "train": {"componentRef": {"name": "comp-train"}},
                    "evaluate": {
                        "componentRef": {"name": "comp-evaluate"},
                        "inputs": {"parameters": {"m": {"taskOutputParameter": {"producerTask": "train"}}}},
                    },
                }
            }
        },
        "comp-report": {"dag": {"tasks": {"render": {}}}},
    },
}
"""A specification of such a run, which goes on after the loop."""
