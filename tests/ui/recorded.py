"""A run as the driver records it over gRPC, for the reads that a web UI makes of it. The UI's tests call this."""

from dataclasses import dataclass
from typing import Any

from tests.api.builders import a_link, a_parameter, a_root, a_task, an_artifact, unique

SPEC = {
    "pipelineInfo": {"name": "ui"},
    "schemaVersion": "2.1.0",
    "root": {"dag": {"tasks": {"train": {"taskInfo": {"name": "train"}}}}},
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """Ids of what was recorded."""

    experiment_id: str
    run_id: str
    root_id: str
    task_id: str
    artifact_id: str
    metric_id: str


async def record(api: Any, *, pipeline_spec: Any = SPEC) -> Recorded:
    """Record an experiment, a run with a loop, a failed step with pods and parameters, a model and a metric."""
    experiment = await api.CreateExperiment(experiment={"display_name": unique("ui"), "description": "seen by a UI"})
    run: Any = {"display_name": "night run", "description": "text", "experiment_id": experiment.experiment_id}
    run = await api.CreateRun(run={**run, "pipeline_spec": pipeline_spec})
    run_id = run.run_id
    root = await api.CreateTask(run_id=run_id, task=a_root(display_name="night run"))
    loop = a_task("loop", type="LOOP", parent_task_id=root.task_id, scope_path="root.loop")
    loop.type_attributes.iteration_count = 3
    loop_id = (await api.CreateTask(run_id=run_id, task=loop)).task_id
    task = a_task("train", parent_task_id=loop_id, scope_path="root.loop.train", cache_fingerprint="f")
    task.type_attributes.iteration_index = 1
    task.pods.add(name="pod", uid="u", type="EXECUTOR")
    task.inputs.parameters.append(a_parameter("alpha", "x"))
    task_id = (await api.CreateTask(run_id=run_id, task=task)).task_id
    failed = a_task("train", state="FAILED")
    failed.status_metadata.message = "out of memory"
    failed.end_time.GetCurrentTime()
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=failed)
    model = an_artifact(uri="s3://bucket/a%20b?x=1", description="a model")
    model = await api.CreateArtifact(run_id=run_id, task_id=task_id, producer_key="model", artifact=model)
    metric = an_artifact("accuracy", type="Metric", number_value=0.5)
    metric = await api.CreateArtifact(
        run_id=run_id, task_id=task_id, producer_key="metrics", iteration_index=1, artifact=metric
    )
    await api.CreateArtifactTask(artifact_task=a_link(run_id, loop_id, model.artifact_id))
    return Recorded(experiment.experiment_id, run_id, root.task_id, task_id, model.artifact_id, metric.artifact_id)
