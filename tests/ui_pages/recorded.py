"""Runs with what lists show of them. The tests of pages call this."""

from typing import Any

from tests.api.builders import a_root, a_task, an_artifact, new_run, unique

POISON = "<script>alert(1)</script>\"'&<b x=y>"
"""A name that would be markup, or end an attribute, on a page that does not escape it."""


async def failed_run(api: Any, *, message: str = "out of memory", task: str = "train", **fields: Any) -> str:
    """Record a run in which a task failed, and return its id."""
    run_id = await new_run(api, **{"display_name": unique("failing"), **fields})
    root = (await api.CreateTask(run_id=run_id, task=a_root())).task_id
    failing = a_task(task, parent_task_id=root, state="FAILED")
    failing.status_metadata.message = message
    await api.CreateTask(run_id=run_id, task=failing)
    await api.UpdateTask(run_id=run_id, task_id=root, task=a_root("FAILED"))
    return run_id


async def finished_run(api: Any, *, metric: tuple[str, float] = ("accuracy", 0.875), **fields: Any) -> str:
    """Record a run that succeeded and put out a metric, and return its id."""
    run_id = await new_run(api, **{"display_name": unique("fine"), **fields})
    root = (await api.CreateTask(run_id=run_id, task=a_root())).task_id
    task = (await api.CreateTask(run_id=run_id, task=a_task(parent_task_id=root, state="SUCCEEDED"))).task_id
    artifact = an_artifact(metric[0], type="Metric", number_value=metric[1])
    await api.CreateArtifact(run_id=run_id, task_id=task, producer_key="metrics", artifact=artifact)
    await api.UpdateTask(run_id=run_id, task_id=root, task=a_root("SUCCEEDED"))
    return run_id


async def running_run(api: Any, **fields: Any) -> str:
    """Record a run that is running, and return its id."""
    run_id = await new_run(api, **{"display_name": unique("going"), **fields})
    await api.CreateTask(run_id=run_id, task=a_root())
    return run_id


async def experiment(api: Any, name: str) -> str:
    """Record an experiment and return its id."""
    return str((await api.CreateExperiment(experiment={"display_name": name})).experiment_id)
