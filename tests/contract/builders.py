"""Records for the store's tests: valid as they are, changed by keyword. Called by the tests of storage."""

import itertools
from typing import Any

from storage.digests import text_digest
from storage.ids import new_id
from storage.model import Artifact, ArtifactTask, Experiment, IOType, KeptAnswer, Pipeline, PipelineVersion, Run, Task
from storage.sql.store import SqlStore

MOMENT = 1_700_000_000_000_000
"""When everything is made that does not say otherwise; lists then fall back to ids, which grow."""

_names = itertools.count(1)


def an_experiment(**changes: Any) -> Experiment:
    """An experiment with a name of its own."""
    return Experiment(**{"id": new_id(), "name": f"experiment {next(_names)}", "created_at": MOMENT} | changes)


def a_pipeline(**changes: Any) -> Pipeline:
    """A pipeline with a name of its own."""
    return Pipeline(**{"id": new_id(), "name": f"pipeline {next(_names)}", "created_at": MOMENT} | changes)


def a_version(pipeline_id: str, **changes: Any) -> PipelineVersion:
    """A version of a pipeline, without a specification."""
    fields = {"id": new_id(), "pipeline_id": pipeline_id, "name": f"version {next(_names)}", "created_at": MOMENT}
    return PipelineVersion(**fields | changes)


def a_run(**changes: Any) -> Run:
    """A pending run without a specification."""
    times = {"created_at": MOMENT, "scheduled_at": MOMENT, "updated_at": MOMENT}
    return Run(**{"id": new_id(), "experiment_id": "experiment", "display_name": "run"} | times | changes)


def a_task(run_id: str, **changes: Any) -> Task:
    """A task of a run."""
    return Task(**{"id": new_id(), "run_id": run_id, "created_at": MOMENT, "updated_at": MOMENT} | changes)


def an_artifact(**changes: Any) -> Artifact:
    """An artifact without uri or identity."""
    fields = {"id": new_id(), "name": "artifact", "type": 1}
    return Artifact(**fields | {"created_at": MOMENT, "updated_at": MOMENT} | changes)


def a_link(task: Task, artifact: Artifact, **changes: Any) -> ArtifactTask:
    """The link that says a task made an artifact."""
    ends = {"artifact_id": artifact.id, "task_id": task.id, "run_id": task.run_id}
    return ArtifactTask(
        **ends | {"id": new_id(), "type": IOType.OUTPUT.value, "key": "out", "producer": "{}"} | changes
    )


def an_answer(**changes: Any) -> KeptAnswer:
    """An answer that is kept under an idempotency key of its own."""
    fields = {"id": text_digest(new_id()), "content": "0" * 64, "answer_type": "", "answer": b"{}"}
    return KeptAnswer(**fields | {"created_at": MOMENT} | changes)


Record = Experiment | Pipeline | PipelineVersion | Run | Task | Artifact | ArtifactTask


async def keep(store: SqlStore, *records: Record) -> None:
    """Keep records in one write, in the order given."""

    async def write(tx: Any) -> None:
        for record in records:
            match record:
                case Artifact():
                    await tx.artifacts.create([record])
                case ArtifactTask():
                    await tx.artifact_tasks.create([record])
                case Task():
                    await tx.tasks.create(record)
                case Run():
                    await tx.runs.create(record)
                case Experiment():
                    await tx.experiments.create(record)
                case Pipeline():
                    await tx.pipelines.create(record)
                case PipelineVersion():
                    await tx.pipeline_versions.create(record)

    await store.write(write)


async def a_kept_task(store: SqlStore, **changes: Any) -> Task:
    """A task that is kept, of a new run that is kept."""
    run = a_run()
    task = a_task(run.id, **changes)
    await keep(store, run, task)
    return task
