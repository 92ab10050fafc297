"""The namespace of every method's request is found as its line of the policy table says."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from lineal.v2beta1 import artifact_pb2, pipeline_pb2, run_pb2

from server.app import APIS
from server.calls.http_calls import HttpCall
from server.calls.methods import Method
from server.calls.namespaces import (
    ByField,
    ByReference,
    ByRow,
    EachOf,
    FirstOf,
    NoNamespace,
    Request,
    Source,
    by_artifact,
    by_field,
    by_reference,
    by_run,
    each_of,
    namespaces_of,
)
from storage.errors import RowNotFound
from storage.sql.store import SqlStore
from tests.contract.builders import (
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)

TEAM = "team"
LINES = {served.name: served for api in APIS for served in api.served()}
METHODS = {name: served for name, served in LINES.items() if isinstance(served, Method)}


def source_of(name: str) -> Source:
    """What the policy line says of the namespace."""
    rule = LINES[name].rule
    assert rule is not None
    return rule.namespace


ROW_LINES = [name for name in LINES if not isinstance(source_of(name), NoNamespace)]


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store at the newest schema."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()


async def ids_in(store: SqlStore, namespace: str) -> dict[str, str]:
    """Keep one row of each kind in the namespace and return their ids."""
    experiment, run = an_experiment(namespace=namespace), a_run(namespace=namespace)
    task, artifact = a_task(run.id, namespace=namespace), an_artifact(namespace=namespace)
    pipeline = a_pipeline(namespace=namespace)
    version = a_version(pipeline.id)
    await keep(store, experiment, run, task, artifact, pipeline, version)
    return {
        "experiment": experiment.id,
        "run": run.id,
        "task": task.id,
        "artifact": artifact.id,
        "pipeline": pipeline.id,
        "pipeline version": version.id,
        "": namespace,
    }


def leaves(source: Source) -> Iterator[tuple[str, str]]:
    """The fields of a source, each with the kind of its rows; "" where it holds the namespace itself."""
    match source:
        case ByField(field):
            yield field, ""
        case ByRow(row, field):
            yield field, row
        case ByReference(field):
            yield f"{field}.id", "experiment"
        case FirstOf() | EachOf():
            for one in source.sources:
                yield from leaves(one)


def a_request(name: str, values: dict[str, str]) -> Request:
    """A request of a method whose fields hold the values that their kinds have."""
    fields = {field: values[row] for field, row in leaves(source_of(name))}
    if name in METHODS:
        request = METHODS[name].request()
        for field, value in fields.items():
            write(request, field, value)
        return request
    parts: dict[str, dict[str, str]] = {"values": {}, "query": {"resource_reference_key.type": "EXPERIMENT"}}
    for field, value in fields.items():
        part, _, key = field.partition(".")
        parts[part][key] = value
    return HttpCall(**parts)


def write(message: Message, field: str, value: str) -> None:
    """Write a text at a path; lists get one item."""
    *parents, last = field.split(".")
    target: Any = message
    for name in parents:
        target = getattr(target, name)
        if not isinstance(target, Message):
            target = target[0] if target else target.add()
    if target.DESCRIPTOR.fields_by_name[last].is_repeated:
        getattr(target, last).append(value)
    else:
        setattr(target, last, value)


@pytest.mark.parametrize("name", METHODS)
def test_the_fields_of_a_line_are_texts_of_its_request(name: str) -> None:
    for field, _ in leaves(source_of(name)):
        descriptor = METHODS[name].request.DESCRIPTOR
        *parents, last = field.split(".")
        for parent in parents:
            descriptor = descriptor.fields_by_name[parent].message_type
        assert descriptor.fields_by_name[last].cpp_type == descriptor.fields_by_name[last].CPPTYPE_STRING


async def test_the_namespace_of_every_request_is_that_of_its_rows(store: SqlStore) -> None:
    ids = await ids_in(store, TEAM)
    for name in ROW_LINES:
        assert await namespaces_of(store, source_of(name), a_request(name, ids)) == {TEAM}, name


async def test_a_request_that_names_an_unknown_row_is_not_found(store: SqlStore) -> None:
    for text in ("no-such", "x" * 1000, "a\x00b", ""):
        unknown = {row: text for row in await ids_in(store, TEAM)} | {"": TEAM}
        for name in ROW_LINES:
            source = source_of(name)
            if any(row for _, row in leaves(source)) and not (isinstance(source, FirstOf) and not text):
                with pytest.raises(RowNotFound):
                    await namespaces_of(store, source, a_request(name, unknown))


async def test_a_run_without_an_experiment_is_of_the_namespace_of_the_default_one(store: SqlStore) -> None:
    source = source_of("RunService.CreateRun")
    assert await namespaces_of(store, source, run_pb2.CreateRunRequest()) == {""}


async def test_the_first_field_that_is_given_counts(store: SqlStore) -> None:
    ids, others = await ids_in(store, TEAM), await ids_in(store, "other")
    source = source_of("RunService.ListRuns")
    both = run_pb2.ListRunsRequest(experiment_id=ids["experiment"], namespace="other")
    assert await namespaces_of(store, source, both) == {TEAM}
    assert await namespaces_of(store, source, run_pb2.ListRunsRequest(namespace="other")) == {"other"}
    source = source_of("PipelineService.CreatePipelineVersion")
    inner = pipeline_pb2.PipelineVersion(pipeline_id=others["pipeline"])
    request = pipeline_pb2.CreatePipelineVersionRequest(pipeline_version=inner)
    assert await namespaces_of(store, source, request) == {"other"}


async def test_every_item_of_a_bulk_call_counts_those_without_a_namespace_too(store: SqlStore) -> None:
    ids, others = await ids_in(store, TEAM), await ids_in(store, "other")
    request = artifact_pb2.ListArtifactTasksRequest(
        run_ids=[ids["run"], ids["run"]], artifact_ids=[others["artifact"], ids["artifact"]]
    )
    assert await namespaces_of(store, by_run("run_ids"), request) == {TEAM}
    both = each_of(by_run("run_ids"), by_artifact("artifact_ids"))
    assert await namespaces_of(store, both, request) == {TEAM, "other"}
    items = [artifact_pb2.CreateArtifactRequest(artifact=artifact_pb2.Artifact(namespace=text)) for text in (TEAM, "")]
    bulk = artifact_pb2.CreateArtifactsBulkRequest(artifacts=items)
    assert await namespaces_of(store, by_field("artifacts.artifact.namespace"), bulk) == {TEAM, ""}


@pytest.mark.parametrize(
    ("type", "id", "namespace"), [("NAMESPACE", "other", "other"), ("", "", ""), ("PIPELINE", "other", "")]
)
async def test_a_reference_says_the_namespace_itself_or_none(
    store: SqlStore, type: str, id: str, namespace: str
) -> None:
    request = HttpCall(query={"key.type": type, "key.id": id})
    assert await namespaces_of(store, by_reference("query.key"), request) == {namespace}


async def test_requests_about_the_whole_cluster_have_no_namespace(store: SqlStore) -> None:
    source = source_of("ReportService.ReportWorkflow")
    assert await namespaces_of(store, source, METHODS["ReportService.ReportWorkflow"].request()) == frozenset()
