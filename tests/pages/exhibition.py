"""A store in which every page has something to show: the demo, recordings, imports, a run of 5,000 tasks, names that are markup.

`exhibited` fills it; the tests of all pages open the addresses that its ids lead to.
"""

import asyncio
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from lineal.v2beta1 import run_pb2

from migrations.mlmd.importer import run_import
from migrations.mlmd.source import ImportRequest
from server.demo_command import fill_new_store
from storage.documents.tasks import StatusMetadata, TypeAttributes
from storage.model import RunState, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.api.builders import a_parameter, a_root, a_series, a_spec, a_task, an_artifact, unique
from tests.lineage.served import Served
from tests.lineage.world import World
from tests.mlmd.reading import STORES
from tests.mlmd_import.imports import Watching
from tests.rest.uploads import upload_pipeline
from tests.ui.recorded import record

ITERATIONS, STEPS = 4_000, 998
"""With ROOT and the loop, 5,000 tasks."""

POISON = "<img src=poison onerror=window.poisoned=1><script>window.poisoned=1</script>\"'&{{7*7}}"
"""A name that would run a script, or end an attribute, on a page that does not escape it."""

SCRIPT_URI = "javascript:window.poisoned=1"

Ids = dict[str, str]
"""What the addresses of pages are made of."""


async def fill(path: Path) -> None:
    """Fill a new SQLite file with what is there before a server is started."""
    url = f"sqlite:///{path}"
    await asyncio.to_thread(fill_new_store, url)
    await run_import(ImportRequest(f"sqlite:///{STORES / 'kfp_main.sqlite'}", url, store_id="kfp-main"), Watching())
    store = SqlStore(url)
    await run_with_a_loop("large", iterations=ITERATIONS, steps=STEPS).keep(store)
    await store.close()


async def exhibited(served: Served) -> Ids:
    """Record the rest over the API, and return the ids by which pages are found."""
    api = served.api
    ids = {**await _poisoned(served), "recorded": (await record(api)).run_id}
    runs = {run.display_name: run for run in (await api.ListRunSummaries(page_size=200)).runs}
    for key, name in (
        ("refused", "churn 12"),
        ("looped", "churn 4"),
        ("running", "churn 13"),
        ("succeeded", "churn 11"),
        ("canceled", "churn 8"),
        ("skipped", "value 3"),
        ("night", "customers night 20"),
        ("imported", "score-customers"),
        ("large", "large"),
    ):
        ids[key] = runs[name].run_id
    refused = runs["churn 12"]
    ids |= {"experiment": refused.experiment_id, "pipeline": refused.pipeline_id}
    ids |= {"version": refused.pipeline_version_id, "imported_kfp": await _newest_run_of(api, "team-a")}
    [ids["task"]] = [
        task.task_id for task in (await api.GetRun(run_id=ids["refused"], view="FULL")).tasks if task.name == "register"
    ]
    evaluation = await _made_by(api, ids["succeeded"])
    ids |= {"model": evaluation["churn-model"], "curve": evaluation["roc"], "matrix": evaluation["confusion"]}
    return ids | {"metric": evaluation["auc"], "table": (await _made_by(api, ids["night"]))["customers"]}


async def _made_by(api: Any, run_id: str) -> Ids:
    """The artifacts that a run's tasks made, by the names of outputs."""
    run = await api.GetRun(run_id=run_id, view="FULL")
    return {
        group.artifact_key: group.artifacts[0].artifact_id for task in run.tasks for group in task.outputs.artifacts
    }


async def _newest_run_of(api: Any, namespace: str) -> str:
    listed = await api.ListRunSummaries(page_size=200)
    return next(str(run.run_id) for run in listed.runs if run.namespace == namespace)


async def _poisoned(served: Served) -> Ids:
    """Record names that are markup wherever a name can stand."""
    api = served.api
    name = f"{unique()} {POISON}"
    experiment_id = (await api.CreateExperiment(experiment={"display_name": name, "description": POISON})).experiment_id
    pipeline_id = (await upload_pipeline(served.rest, a_spec(), name=name, description=POISON)).json["pipeline_id"]
    [version] = (await api.ListPipelineVersions(pipeline_id=pipeline_id)).pipeline_versions
    run: Any = run_pb2.Run(display_name=name, description=POISON, experiment_id=experiment_id)
    run.pipeline_version_reference.pipeline_version_id = version.pipeline_version_id
    run_id = (await api.CreateRun(run=run)).run_id
    root = a_root(display_name=POISON)
    root.inputs.parameters.append(a_parameter(POISON, POISON))
    root_id = (await api.CreateTask(run_id=run_id, task=root)).task_id
    task = a_task(POISON, state="FAILED", parent_task_id=root_id)
    task.status_metadata.message = f"{POISON}\n{POISON}"
    task.pods.add(name=POISON, uid=POISON, type="EXECUTOR")
    task.inputs.parameters.append(a_parameter(POISON, POISON))
    task_id = (await api.CreateTask(run_id=run_id, task=task)).task_id
    made = an_artifact(POISON, uri=SCRIPT_URI, description=POISON)
    made.metadata[POISON].string_value = POISON
    artifact_id = await _made(api, run_id, task_id, made)
    metric = an_artifact(POISON, type="Metric", number_value=0.5)
    metadata = a_series(3.0, 1.5, "NaN", 0.75, "Infinity", 0.5, 0.25, points=POISON)
    metadata["series"] += [POISON, {"step": POISON, "value": POISON}]
    json_format.ParseDict({"metadata": metadata}, metric)
    series_id = await _made(api, run_id, task_id, metric)
    await _made(api, run_id, task_id, an_artifact("page", type="HTML", uri=f"https://example.invalid/{POISON}"))
    await api.UpdateTask(run_id=run_id, task_id=root_id, task=a_root("FAILED"))
    return {
        "poisoned": run_id,
        "poisoned_artifact": artifact_id,
        "series": series_id,
        "poisoned_experiment": experiment_id,
        "poisoned_pipeline": pipeline_id,
        "poisoned_version": version.pipeline_version_id,
    }


async def _made(api: Any, run_id: str, task_id: str, artifact: Any) -> str:
    made = await api.CreateArtifact(run_id=run_id, task_id=task_id, producer_key=unique(), artifact=artifact)
    return str(made.artifact_id)


def run_with_a_loop(name: str, *, iterations: int, steps: int) -> World:
    """A run with a loop, the last iteration of which failed, and steps in a row beside it; with ROOT and the loop two more tasks."""
    world = World()
    world.run(name, experiment_id="", state=RunState.FAILED.name)
    root = world.task("ROOT", run=name, type=TaskType.ROOT, state=TaskState.FAILED)
    loop = world.task(
        "score-all",
        run=name,
        type=TaskType.LOOP,
        state=TaskState.FAILED,
        parent_task_id=root.id,
        type_attributes=TypeAttributes(iteration_count=iterations).to_text(),
    )
    for number in range(steps):
        takes = [f"table {number - 1}"] if number else []
        world.task(f"step-{number}", run=name, parent_task_id=root.id, takes=takes, makes=[f"table {number}"])
    message = StatusMetadata(f"ValueError: shard {iterations - 1} is empty").to_text()
    for number in range(iterations):
        is_last = number == iterations - 1
        world.task(
            f"score {number}",
            run=name,
            parent_task_id=loop.id,
            type_attributes=TypeAttributes(iteration_index=number).to_text(),
            state=TaskState.FAILED if is_last else TaskState.SUCCEEDED,
            status_metadata=message if is_last else None,
        )
    return world
