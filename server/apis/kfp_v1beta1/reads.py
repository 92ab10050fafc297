"""The v1beta1 reads that Kubeflow Pipelines' UI and SDK still make, answered as plain JSON objects."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from server.calls.call import Call
from server.calls.http_calls import HttpCall
from server.calls.listings import ListRequest, listing_of, next_token
from server.packages.uploads import keep_uploaded_pipeline, keep_uploaded_version
from server.recorded_spec.sources import SpecSource, read_spec_source, recorded_spec
from server.rules import checks
from storage.contract import Listing, Page, ReadTx
from storage.documents.runs import RuntimeConfig
from storage.documents.times import time_text
from storage.fields import (
    EXPERIMENT_LIST_V1BETA1,
    PIPELINE_LIST_V1BETA1,
    PIPELINE_VERSION_LIST_V1BETA1,
    RECURRING_RUN_LIST_V1BETA1,
    RUN_LIST_V1BETA1,
    Listable,
)
from storage.model import Experiment, Pipeline, PipelineVersion, Run, RunState, StorageState

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_STATUS = {
    RunState.RUNTIME_STATE_UNSPECIFIED.name: "",
    RunState.CANCELING.name: "Terminating",
}


async def get_run(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a run as GET /apis/v1beta1/runs/{id} shows it; raises NotFound."""
    run_id = checks.known_id("run", request.values["id"])

    async def read(tx: ReadTx) -> tuple[Run, str, SpecSource | None]:
        run = await tx.runs.get(run_id, with_spec=True)
        names = await tx.pipeline_versions.names([run.pipeline_version_id]) if run.pipeline_version_id else {}
        source = None
        if run.pipeline_spec is None and not (names and (await tx.runs.get_shown(run_id)).has_version):
            source = await read_spec_source(call.recorded_specs, tx, run)
        return run, names.get(run.pipeline_version_id, ""), source

    run, version_name, source = await call.store.read(read)
    if source is not None:
        run = replace(run, pipeline_spec=(await recorded_spec(call.recorded_specs, source)).text)
    return {"run": _run(run, version_name), "pipeline_runtime": {}}


def _run(run: Run, version_name: str) -> dict[str, Any]:
    references = [_reference("EXPERIMENT", run.experiment_id, "OWNER")]
    if run.pipeline_version_id:
        references.append(_reference("PIPELINE_VERSION", run.pipeline_version_id, "CREATOR"))
    # The UI shows its V2 pages only when the key pipeline_manifest is there.
    spec: dict[str, Any] = {"pipeline_manifest": run.pipeline_spec or ""}
    if run.pipeline_id:
        spec = {"pipeline_id": run.pipeline_id, "pipeline_name": version_name, **spec}
    config = RuntimeConfig.from_text(run.runtime_config)
    if config is not None:
        spec["runtime_config"] = {
            key: value
            for key, value in (("parameters", config.parameters), ("pipeline_root", config.pipeline_root))
            if value
        }
    answer = {
        "id": run.id,
        "name": run.display_name,
        "description": run.description,
        "created_at": time_text(run.created_at),
        "scheduled_at": time_text(run.scheduled_at),
        "finished_at": time_text(run.finished_at or 0),
        "status": _STATUS.get(run.state, run.state.capitalize()),
        "resource_references": references,
        "service_account": run.service_account,
        "pipeline_spec": spec,
    }
    if run.storage_state == StorageState.ARCHIVED.name:
        answer["storage_state"] = "STORAGESTATE_ARCHIVED"
    return _without_empty(answer)


async def get_experiment(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return an experiment as GET /apis/v1beta1/experiments/{id} shows it; raises NotFound."""
    experiment_id = checks.known_id("experiment", request.values["id"])
    return experiment(await call.store.read_by_key(lambda tx: tx.experiments.get(experiment_id), is_one=True))


def experiment(record: Experiment) -> dict[str, Any]:
    """Return an experiment in v1beta1's words."""
    return _without_empty(
        {
            "id": record.id,
            "name": record.name,
            "description": record.description,
            "created_at": time_text(record.created_at),
            "resource_references": [{"key": {"type": "NAMESPACE"}, "relationship": "OWNER"}],
            "storage_state": f"STORAGESTATE_{record.storage_state}",
        }
    )


async def get_pipeline(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a pipeline with its latest version; raises NotFound."""
    pipeline_id = checks.known_id("pipeline", request.values["id"])

    async def read(tx: ReadTx) -> dict[str, Any]:
        record = await tx.pipelines.get(pipeline_id)
        return pipeline(record, await tx.pipeline_versions.find_latest(pipeline_id))

    return await call.store.read(read)


async def get_pipeline_version(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a pipeline version; raises NotFound."""
    version_id = checks.known_id("pipeline version", request.values["id"])
    return pipeline_version(await call.store.read_by_key(lambda tx: tx.pipeline_versions.get(version_id)))


async def list_runs(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a page of runs, of the experiment that resource_reference_key names when it does."""
    experiment_id = request.parameter("resource_reference_key.id")
    if request.parameter("resource_reference_key.type") != "EXPERIMENT":
        experiment_id = ""
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx, listing: Listing) -> tuple[Page[Run], list[dict[str, Any]]]:
        if experiment_id:
            await tx.experiments.get(checks.known_id("experiment", experiment_id))
        page = await tx.runs.list(listing, experiment_id=experiment_id or None, namespace=namespace, with_spec=False)
        version_ids = {row.pipeline_version_id for row in page.rows if row.pipeline_version_id}
        names = await tx.pipeline_versions.names(sorted(version_ids)) if version_ids else {}
        return page, [_run(row, names.get(row.pipeline_version_id, "")) for row in page.rows]

    return await _page(call, request, read, name="runs", listable=RUN_LIST_V1BETA1, scope=[experiment_id])


async def list_experiments(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a page of experiments."""
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx, listing: Listing) -> tuple[Page[Experiment], list[dict[str, Any]]]:
        page = await tx.experiments.list(listing, namespace=namespace)
        return page, [experiment(row) for row in page.rows]

    return await _page(call, request, read, name="experiments", listable=EXPERIMENT_LIST_V1BETA1)


async def list_pipelines(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a page of pipelines with their latest versions."""
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx, listing: Listing) -> tuple[Page[Pipeline], list[dict[str, Any]]]:
        page = await tx.pipelines.list(listing, namespace=namespace)
        latest = await tx.pipeline_versions.latest_of([row.id for row in page.rows]) if page.rows else {}
        return page, [pipeline(row, latest.get(row.id)) for row in page.rows]

    return await _page(call, request, read, name="pipelines", listable=PIPELINE_LIST_V1BETA1)


async def list_pipeline_versions(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return a page of the versions of the pipeline that resource_key names; raises InvalidArgument and NotFound."""
    pipeline_id = request.parameter("resource_key.id")
    kind = request.parameter("resource_key.type")
    scope = [pipeline_id]

    async def read(tx: ReadTx, listing: Listing) -> tuple[Page[PipelineVersion], list[dict[str, Any]]]:
        checks.require(kind == "PIPELINE" and pipeline_id, "resource_key must be of type PIPELINE and have an id")
        await tx.pipelines.get(checks.known_id("pipeline", pipeline_id))
        page = await tx.pipeline_versions.list(listing, pipeline_id=pipeline_id, with_spec=False)
        return page, [pipeline_version(row) for row in page.rows]

    return await _page(call, request, read, name="versions", listable=PIPELINE_VERSION_LIST_V1BETA1, scope=scope)


async def get_pipeline_template(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return the specification of a pipeline's latest version as text; raises NotFound."""
    pipeline_id = checks.known_id("pipeline", request.values["id"])

    async def read(tx: ReadTx) -> PipelineVersion:
        await tx.pipelines.get(pipeline_id)
        latest = await tx.pipeline_versions.find_latest(pipeline_id)
        if latest is None:
            raise checks.not_found("version of pipeline", pipeline_id)
        return latest

    return {"template": (await call.store.read(read)).pipeline_spec or ""}


async def get_pipeline_version_template(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return the specification of a version as text; raises NotFound."""
    version_id = checks.known_id("pipeline version", request.values["id"])
    version = await call.store.read_by_key(lambda tx: tx.pipeline_versions.get(version_id))
    return {"template": version.pipeline_spec or ""}


async def list_jobs(call: Call, request: HttpCall) -> dict[str, Any]:
    """Return the empty list: nothing here schedules."""
    _list_request(call, request, name="jobs", listable=RECURRING_RUN_LIST_V1BETA1)
    return {}


async def _page(
    call: Call,
    request: HttpCall,
    read_page: Callable[[ReadTx, Listing], Awaitable[tuple[Page[Any], list[dict[str, Any]]]]],
    *,
    name: str,
    listable: Listable,
    scope: Sequence[object] = (),
) -> dict[str, Any]:
    list_request, listing = _list_request(call, request, name=name, listable=listable, scope=scope)
    page, rows = await call.store.read(lambda tx: read_page(tx, listing))
    answer = {
        name: rows,
        "total_size": page.total_size,
        "next_page_token": next_token(call, list_request, listing, page),
    }
    return {key: value for key, value in answer.items() if value}


def _list_request(
    call: Call, request: HttpCall, *, name: str, listable: Listable, scope: Sequence[object] = ()
) -> tuple[ListRequest, Listing]:
    [size] = request.query.get("page_size", ["0"])
    checks.require(_INTEGER.fullmatch(size) and abs(int(size)) < 2**31, "page_size must be a whole number of 32 bits")
    list_request = ListRequest(
        name=name,
        listable=listable,
        scope=[*scope],
        page_size=int(size),
        page_token=request.parameter("page_token"),
        order_text=request.parameter("sort_by"),
        filter_text=request.parameter("filter"),
    )
    return list_request, listing_of(call, list_request)


async def upload_pipeline(call: Call, request: HttpCall) -> dict[str, Any]:
    """Store an uploaded file as the first version of a new pipeline; the answer is the pipeline with it."""

    async def answer(kept: Pipeline, version: PipelineVersion) -> dict[str, Any]:
        return pipeline(kept, version)

    return await keep_uploaded_pipeline(call, request, answer)


async def upload_pipeline_version(call: Call, request: HttpCall) -> dict[str, Any]:
    """Store an uploaded file as a version of a pipeline; the answer is the version."""

    async def answer(version: PipelineVersion) -> dict[str, Any]:
        return pipeline_version(version)

    return await keep_uploaded_version(call, request, answer)


def pipeline(record: Pipeline, latest: PipelineVersion | None) -> dict[str, Any]:
    """Return a pipeline in v1beta1's words, as uploads answer too."""
    answer: dict[str, Any] = {
        "id": record.id,
        "created_at": time_text(record.created_at),
        "name": record.name,
        "description": record.description,
    }
    if latest is not None:
        answer["default_version"] = pipeline_version(latest)
    return _without_empty(answer)


def pipeline_version(record: PipelineVersion) -> dict[str, Any]:
    """Return a pipeline version in v1beta1's words, as uploads answer too."""
    return _without_empty(
        {
            "id": record.id,
            "name": record.name,
            "created_at": time_text(record.created_at),
            "resource_references": [_reference("PIPELINE", record.pipeline_id, "OWNER")],
            "description": record.description,
            "code_source_url": record.code_source_url,
            "package_url": {"pipeline_url": record.package_url} if record.package_url else {},
        }
    )


def _reference(type: str, id: str, relationship: str) -> dict[str, Any]:
    return {"key": {"type": type, "id": id}, "relationship": relationship}


def _without_empty(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if value not in ("", {}, [])}
