"""Runs to record, and what is on the server of them."""

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lineal
from google.protobuf import json_format
from lineal.v2beta1 import artifact_pb2, run_pb2

from tests.faults.cluster import clean_environment

Task = run_pb2.PipelineTask


class Recorder:
    """Begins runs on a server and reads them back."""

    def __init__(self, address: str, client: lineal.Client, spool: Path) -> None:
        self.address, self.client, self.spool = address, client, spool

    def run(self, name: str = "churn", **arguments: Any) -> lineal.Run:
        """A run that is recorded on the server."""
        return lineal.run(name, server=self.address, spool_dir=str(self.spool), **arguments)

    def read(self, run: lineal.Run | str) -> "Recorded":
        """What the server has of a run."""
        run_id = run if isinstance(run, str) else run.id
        return Recorded(self.client.get_run(run_id, view="FULL"))

    def start_script(self, script: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """A Python process that finds the server in its environment, where `lineal` is imported."""
        return subprocess.Popen(
            [sys.executable, "-c", f"import lineal\n{textwrap.dedent(script)}", *arguments],
            env=self.environment() | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def script(self, script: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """The same, at its end."""
        with self.start_script(script, *arguments, **variables) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def environment(self) -> dict[str, str]:
        """The variables by which a process records on the server, with spool files that no other one looks at.

        This process would otherwise send what is left of its children, at the same time as it does.
        """
        folder = tempfile.mkdtemp(dir=self.spool)
        return clean_environment({"LINEAL_SERVER": self.address, "LINEAL_SPOOL_DIR": folder})


class Recorded:
    """What the server has of a run."""

    def __init__(self, run: run_pb2.Run) -> None:
        self.run = run
        self.tasks = list(run.tasks)

    @property
    def state(self) -> str:
        return run_pb2.RuntimeState.Name(self.run.state)

    @property
    def root(self) -> Task:
        return self.task("ROOT")

    def all(self, name: str) -> list[Task]:
        """The tasks with a name, oldest first."""
        return [task for task in self.tasks if task.name == name]

    def task(self, name: str) -> Task:
        """The only task with a name."""
        [task] = self.all(name)
        return task

    def children(self, name: str) -> list[str]:
        """The names of the tasks that are directly in the only one with a name."""
        return [child.name for child in self.task(name).child_tasks]

    def states(self) -> dict[str, str]:
        """The states of all tasks, by their names."""
        return {task.name: state_of(task) for task in self.tasks}

    def message(self, name: str) -> str:
        """The first line of why the only task with a name is in its state."""
        return self.task(name).status_metadata.message.partition("\n")[0]


def state_of(task: Task) -> str:
    return Task.TaskState.Name(task.state)


def type_of(task: Task) -> str:
    return Task.TaskType.Name(task.type)


def parameters(side: Task.InputOutputs) -> dict[str, Any]:
    """The parameters of one side of a task, by name."""
    return {each.parameter_key: json_format.MessageToDict(each.value) for each in side.parameters}


def parameter_types(side: Task.InputOutputs) -> dict[str, str]:
    """Their types, by name."""
    return {each.parameter_key: artifact_pb2.IOType.Name(each.type) for each in side.parameters}


def artifacts(side: Task.InputOutputs) -> dict[str, list[artifact_pb2.Artifact]]:
    """The artifacts of one side of a task, by name."""
    by_key: dict[str, list[artifact_pb2.Artifact]] = {}
    for group in side.artifacts:
        by_key.setdefault(group.artifact_key, []).extend(group.artifacts)
    return by_key


def links(side: Task.InputOutputs) -> dict[str, tuple[str, str]]:
    """How the artifacts of one side of a task are linked, by name: type and producer."""
    return {
        group.artifact_key: (artifact_pb2.IOType.Name(group.type), group.producer.task_name) for group in side.artifacts
    }


def metadata(artifact: artifact_pb2.Artifact) -> Mapping[str, Any]:
    return {name: json_format.MessageToDict(value) for name, value in artifact.metadata.items()}
