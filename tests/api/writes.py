"""One request for each RPC that writes, and what the store has. Tests of idempotency keys call it.

`EXAMPLES[name](site)` makes what the request needs and returns its fields; an RPC without an example fails a test.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from storage.sql import tables
from storage.sql.store import SqlStore
from tests.api.builders import (
    a_link,
    a_parameter,
    a_run,
    a_series,
    a_struct,
    a_task,
    an_artifact,
    new_artifact,
    new_run,
    new_run_and_task,
    run_state,
    unique,
    with_inputs,
)
from tests.api.client import METHODS, Api


@dataclass(frozen=True)
class Site:
    """Two servers on one store, the REST door of the first, and the URL of a package."""

    api: Api
    other: Api
    rest: str
    url: str
    package_url: str

    async def rows(self) -> dict[str, list[Any]]:
        """Everything that is stored, without what is kept under idempotency keys."""
        store = SqlStore(self.url)
        async with store.engines[1].connect() as connection:
            found = {
                table.name: sorted((await connection.execute(select(table))).all(), key=repr)
                for table in tables.metadata.sorted_tables
                if table is not tables.idempotency_keys
            }
        await store.close()
        return found

    async def keys(self) -> int:
        """How many idempotency keys are kept."""
        store = SqlStore(self.url)
        async with store.engines[1].connect() as connection:
            count = len((await connection.execute(select(tables.idempotency_keys.c.id))).all())
        await store.close()
        return count


Fields = dict[str, Any]


async def sent(api: Api, name: str, fields: dict[str, Any], key: str | None) -> bytes:
    """The answer to a call, as bytes."""
    request = METHODS[name].request(**fields)
    metadata = () if key is None else (("idempotency-key", key),)
    answer: bytes = await api.send(name, request.SerializeToString(), metadata=metadata, is_raw=True)
    return answer


async def _create_artifact(site: Site) -> Fields:
    run_id, task_id = await new_run_and_task(site.api)
    return {"run_id": run_id, "task_id": task_id, "producer_key": "out", "artifact": an_artifact()}


async def _create_artifacts_bulk(site: Site) -> Fields:
    return {"artifacts": [await _create_artifact(site), await _create_artifact(site)]}


async def _update_artifact(site: Site) -> Fields:
    run_id, task_id = await new_run_and_task(site.api)
    artifact_id = await new_artifact(site.api, run_id, task_id, "loss", type="Metric", number_value=2.0)
    return {"artifact_id": artifact_id, "metadata": a_struct(a_series(2.0, 1.5)), "number_value": 1.5}


async def _link(site: Site) -> Any:
    run_id, task_id = await new_run_and_task(site.api)
    return a_link(run_id, task_id, await new_artifact(site.api, run_id, task_id))


async def _create_artifact_task(site: Site) -> Fields:
    return {"artifact_task": await _link(site)}


async def _create_artifact_tasks_bulk(site: Site) -> Fields:
    return {"artifact_tasks": [await _link(site)]}


async def _create_run(site: Site) -> Fields:
    return {"run": a_run()}


async def _run(site: Site) -> Fields:
    return {"run_id": await new_run(site.api)}


async def _archived_run(site: Site) -> Fields:
    run_id = await new_run(site.api)
    await site.api.ArchiveRun(run_id=run_id)
    return {"run_id": run_id}


async def _failed_run(site: Site) -> Fields:
    run_id = await new_run(site.api)
    await site.api.CreateTask(run_id=run_id, task=a_task("ROOT", type="ROOT", state="FAILED"))
    assert await run_state(site.api, run_id) == "FAILED"
    return {"run_id": run_id}


async def _create_task(site: Site) -> Fields:
    return {"run_id": await new_run(site.api), "task": a_task()}


async def _update_task(site: Site) -> Fields:
    run_id, task_id = await new_run_and_task(site.api)
    return {"run_id": run_id, "task_id": task_id, "task": with_inputs(a_parameter(), state="SUCCEEDED")}


async def _update_tasks_bulk(site: Site) -> Fields:
    run_id, task_id = await new_run_and_task(site.api)
    return {"run_id": run_id, "tasks": {task_id: with_inputs(a_parameter())}}


async def _create_experiment(site: Site) -> Fields:
    return {"experiment": {"display_name": unique("experiment")}}


async def _experiment(site: Site) -> Fields:
    experiment_id = (await site.api.CreateExperiment(**await _create_experiment(site))).experiment_id
    await new_run(site.api, experiment_id=experiment_id)
    return {"experiment_id": experiment_id}


async def _archived_experiment(site: Site) -> Fields:
    fields = await _experiment(site)
    await site.api.ArchiveExperiment(**fields)
    return fields


async def _create_pipeline(site: Site) -> Fields:
    return {"pipeline": {"name": unique("pipeline"), "tags": {"team": "a", "stage": "b"}}}


async def _update_pipeline(site: Site) -> Fields:
    pipeline = await site.api.CreatePipeline(**await _create_pipeline(site))
    return {"pipeline": {"pipeline_id": pipeline.pipeline_id, "display_name": "other"}}


async def _pipeline(site: Site) -> Fields:
    return {"pipeline_id": (await site.api.CreatePipeline(**await _create_pipeline(site))).pipeline_id}


async def _create_pipeline_and_version(site: Site) -> Fields:
    version = {"display_name": "v1", "package_url": {"pipeline_url": site.package_url}}
    return {**await _create_pipeline(site), "pipeline_version": version}


async def _create_pipeline_version(site: Site) -> Fields:
    pipeline_id = (await _pipeline(site))["pipeline_id"]
    version = {"display_name": "v1", "package_url": {"pipeline_url": site.package_url}, "pipeline_id": pipeline_id}
    return {"pipeline_id": pipeline_id, "pipeline_version": version}


async def _version(site: Site) -> Fields:
    version = await site.api.CreatePipelineVersion(**await _create_pipeline_version(site))
    return {"pipeline_id": version.pipeline_id, "pipeline_version_id": version.pipeline_version_id}


async def _update_pipeline_version(site: Site) -> Fields:
    return {"pipeline_version": {**await _version(site), "display_name": "other", "tags": {"team": "b"}}}


async def _report_workflow(site: Site) -> Fields:
    labels = {"pipeline/runid": await new_run(site.api)}
    return {"workflow": json.dumps({"metadata": {"labels": labels}, "status": {"phase": "Running"}})}


EXAMPLES: dict[str, Callable[[Site], Awaitable[Fields]]] = {
    "CreateArtifact": _create_artifact,
    "CreateArtifactsBulk": _create_artifacts_bulk,
    "CreateArtifactTask": _create_artifact_task,
    "CreateArtifactTasksBulk": _create_artifact_tasks_bulk,
    "CreateRun": _create_run,
    "ArchiveRun": _run,
    "UnarchiveRun": _archived_run,
    "DeleteRun": _run,
    "TerminateRun": _run,
    "RetryRun": _failed_run,
    "CreateTask": _create_task,
    "UpdateTask": _update_task,
    "UpdateTasksBulk": _update_tasks_bulk,
    "CreateExperiment": _create_experiment,
    "ArchiveExperiment": _experiment,
    "UnarchiveExperiment": _archived_experiment,
    "DeleteExperiment": _experiment,
    "CreatePipeline": _create_pipeline,
    "UpdatePipeline": _update_pipeline,
    "DeletePipeline": _pipeline,
    "CreatePipelineAndVersion": _create_pipeline_and_version,
    "CreatePipelineVersion": _create_pipeline_version,
    "UpdatePipelineVersion": _update_pipeline_version,
    "DeletePipelineVersion": _version,
    "ReportWorkflow": _report_workflow,
    "UpdateArtifact": _update_artifact,
}

NEVER_ANSWERED = {"CreateRecurringRun", "EnableRecurringRun", "DisableRecurringRun", "DeleteRecurringRun"}
"""RPCs that only fail, as there are no recurring runs."""

UPLOADS = {f"{api}.{name}" for api in ("Upload", "v1beta1") for name in ("UploadPipeline", "UploadPipelineVersion")}
"""Routes that write and are not RPCs."""
