"""A client that makes calls of every kind and knows what the store must hold afterwards. Called by tests.

    recorder = Recorder(client, name, chance)
    await recorder.work(100)
    assert await stored(other_client) == recorder.expected

Everything has a name of its own, so that what was done twice, half or not at all is a difference.
"""

import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from lineal import aio
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2

State = task_pb2.PipelineTask.TaskState

Facts = Counter[tuple[str, ...]]
"""What a store holds: the kind of a thing, its ids and its name or value; how often it is there."""


class Recorder:
    """One client, one call at a time; each kind of call about as often as any other."""

    def __init__(self, client: aio.Client, name: str, chance: random.Random) -> None:
        self.client, self.expected, self.calls = client, Facts(), Counter[str]()
        self._chance = chance
        self._names = (f"{name}-{number:05}" for number in itertools.count())
        self._runs: list[str] = []
        self._tasks: list[tuple[str, str]] = []
        self._kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            self._experiment,
            self._pipeline,
            self._run_that_is_deleted,
            self._run_that_is_retried,
            self._run_that_is_terminated,
            self._archived_run,
            self._task,
            self._update,
            self._update_of_many,
            self._artifact,
            self._artifacts,
            self._link,
            self._links,
            self._reads,
        )

    async def work(self, count: int) -> None:
        """Make at least so many calls; the last ones complete what they are about."""
        await self._run()
        await self._task()
        while sum(self.calls.values()) < count:
            await self._chance.choice(self._kinds)()

    async def _call(self, name: str, *arguments: Any, **fields: Any) -> Any:
        self.calls[name] += 1
        return await getattr(self.client, name)(*arguments, **fields)

    async def _experiment(self) -> None:
        name = next(self._names)
        made = await self._call("create_experiment", experiment={"display_name": name})
        await self._call("archive_experiment", made.experiment_id)
        await self._call("unarchive_experiment", made.experiment_id)
        if self._chance.random() < 0.5:
            await self._call("delete_experiment", made.experiment_id)
        else:
            self.expected["experiment", made.experiment_id, name] += 1

    async def _pipeline(self) -> None:
        name = next(self._names)
        made = await self._call("create_pipeline", pipeline={"name": name})
        await self._call("update_pipeline", pipeline={"pipeline_id": made.pipeline_id, "display_name": f"{name} new"})
        if self._chance.random() < 0.5:
            await self._call("delete_pipeline", made.pipeline_id)
        else:
            self.expected["pipeline", made.pipeline_id, f"{name} new"] += 1

    async def _run(self, state: str = "PENDING", storage_state: str = "AVAILABLE") -> str:
        name = next(self._names)
        made = await self._call("create_run", run={"display_name": name})
        if state == "PENDING" and storage_state == "AVAILABLE":
            self._runs.append(made.run_id)
        self.expected["run", made.run_id, name, state, storage_state] += 1
        return str(made.run_id)

    async def _run_that_is_deleted(self) -> None:
        made = await self._call("create_run", run={"display_name": next(self._names)})
        await self._call("delete_run", made.run_id)

    async def _run_that_is_retried(self) -> None:
        run_id = await self._run("RUNNING")
        root = {"name": "ROOT", "type": "ROOT", "state": "FAILED"}
        made = await self._call("create_task", run_id, task=root)
        await self._call("retry_run", run_id)
        self.expected["task", run_id, made.task_id, "ROOT", "RUNNING"] += 1

    async def _run_that_is_terminated(self) -> None:
        await self._call("terminate_run", await self._run("CANCELING"))

    async def _archived_run(self) -> None:
        run_id = await self._run(storage_state="ARCHIVED")
        await self._call("archive_run", run_id)
        await self._call("unarchive_run", run_id)
        await self._call("archive_run", run_id)

    async def _task(self) -> None:
        run_id, name = self._chance.choice(self._runs), next(self._names)
        # Without a scope path, the server would record another task each time.
        made = await self._call("create_task", run_id, task={"name": name, "type": "RUNTIME", "state": "RUNNING"})
        self._tasks.append((run_id, made.task_id))
        self.expected["task", run_id, made.task_id, name, "RUNNING"] += 1

    async def _update(self) -> None:
        run_id, task_id = self._chance.choice(self._tasks)
        key = next(self._names)
        await self._call("update_task", run_id, task_id, task=_with_parameter(key))
        self.expected["parameter", task_id, key] += 1

    async def _update_of_many(self) -> None:
        run_id, _ = self._chance.choice(self._tasks)
        task_ids = [task_id for run, task_id in self._tasks if run == run_id]
        key = next(self._names)
        await self._call("update_tasks_bulk", run_id, tasks={task_id: _with_parameter(key) for task_id in task_ids})
        self.expected.update(("parameter", task_id, key) for task_id in task_ids)

    def _output(self, run_id: str, task_id: str, name: str) -> dict[str, Any]:
        # Without a uri, the server would record another artifact each time.
        artifact = {"name": name, "type": "Metric", "number_value": 1.0, "namespace": "team"}
        return {"run_id": run_id, "task_id": task_id, "producer_key": name, "artifact": artifact}

    def _expect_output(self, task_id: str, artifact: artifact_pb2.Artifact) -> None:
        self.expected["artifact", artifact.artifact_id, artifact.name] += 1
        self.expected["link", artifact.artifact_id, task_id, artifact.name] += 1

    async def _artifact(self) -> None:
        run_id, task_id = self._chance.choice(self._tasks)
        made = await self._call("create_artifact", **self._output(run_id, task_id, next(self._names)))
        self._expect_output(task_id, made)

    async def _artifacts(self) -> None:
        run_id, task_id = self._chance.choice(self._tasks)
        outputs = [self._output(run_id, task_id, next(self._names)) for _ in range(self._chance.randint(1, 5))]
        made = await self._call("create_artifacts_bulk", artifacts=outputs)
        for artifact in made.artifacts:
            self._expect_output(task_id, artifact)

    def _input(self, run_id: str, task_id: str, artifact_id: str) -> dict[str, Any]:
        key = next(self._names)
        self.expected["link", artifact_id, task_id, key] += 1
        link = {"run_id": run_id, "task_id": task_id, "artifact_id": artifact_id, "key": key}
        return {**link, "type": "COMPONENT_INPUT", "producer": {"task_name": "another"}}

    def _artifact_ids(self) -> list[str]:
        return [fact[1] for fact in self.expected if fact[0] == "artifact"]

    async def _link(self) -> None:
        run_id, task_id = self._chance.choice(self._tasks)
        for artifact_id in self._artifact_ids()[-1:]:
            await self._call("create_artifact_task", artifact_task=self._input(run_id, task_id, artifact_id))

    async def _links(self) -> None:
        run_id, task_id = self._chance.choice(self._tasks)
        if links := [self._input(run_id, task_id, artifact_id) for artifact_id in self._artifact_ids()[-3:]]:
            await self._call("create_artifact_tasks_bulk", artifact_tasks=links)

    async def _reads(self) -> None:
        run_id, task_id = self._chance.choice(self._tasks)
        assert (await self._call("get_run", run_id, view="FULL")).run_id == run_id
        assert (await self._call("get_task", run_id, task_id)).task_id == task_id
        assert not (await self._call("find_cached_task", cache_fingerprint=run_id)).HasField("task")
        assert (await self._call("get_run_report", run_id)).run_id == run_id
        assert (await self.client.list_tasks(run_id).first(1))[0].run_id == run_id


def _with_parameter(key: str) -> dict[str, Any]:
    parameter = {"parameter_key": key, "value": 1, "type": "RUNTIME_VALUE_INPUT"}
    return {"inputs": {"parameters": [parameter]}}


async def stored(client: aio.Client) -> Facts:
    """Return what a store holds, read with a client whose connection is not disturbed."""
    facts = Facts()
    async for experiment in client.list_experiments():
        if experiment.display_name != "Default":
            facts["experiment", experiment.experiment_id, experiment.display_name] += 1
    async for pipeline in client.list_pipelines():
        facts["pipeline", pipeline.pipeline_id, pipeline.display_name] += 1
    async for artifact in client.list_artifacts():
        facts["artifact", artifact.artifact_id, artifact.name] += 1
    async for run in client.list_runs():
        # A run that is terminated becomes CANCELED when the server looks after it, some seconds later.
        state = run_pb2.RuntimeState.Name(run.state).replace("CANCELED", "CANCELING")
        storage_state = run_pb2.Run.StorageState.Name(run.storage_state)
        facts["run", run.run_id, run.display_name, state, storage_state] += 1
        async for link in client.list_artifact_tasks(run_ids=[run.run_id]):
            facts["link", link.artifact_id, link.task_id, link.key] += 1
        async for task in client.list_tasks(run.run_id):
            facts["task", run.run_id, task.task_id, task.name, State.Name(task.state)] += 1
            facts.update(("parameter", task.task_id, each.parameter_key) for each in task.inputs.parameters)
    return facts
