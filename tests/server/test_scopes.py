"""Services read and write in the namespaces that the authority gave their call, whatever the request says."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, run_pb2

from server.app import APIS
from server.calls.apart import SerializedMessage
from server.calls.authority import SingleUser
from server.calls.call import Shared
from server.calls.caller import Caller, Identity, Scope
from server.calls.dispatcher import Dispatcher
from server.calls.http_calls import HttpCall
from server.calls.methods import Method
from server.calls.namespaces import Request
from server.calls.policy import Rule
from server.config import Settings
from storage.model import TaskState
from storage.pages import PageTokens
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, a_task, keep

SERVED = {served.name: served for api in APIS for served in api.served()}
FINGERPRINT = "f" * 64


class Confined(SingleUser):
    """Gives every call one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        return Scope(namespace=self.namespace, namespace_filter=self.namespace)


class Client:
    """Calls the handlers on a store, for callers that are confined to a namespace."""

    def __init__(self, store: SqlStore, url: str, authority: SingleUser) -> None:
        shared = Shared(store=store, tokens=PageTokens(b"key"), settings=Settings(store=url))
        self._dispatcher = Dispatcher(shared, authority)

    async def ask(self, method_name: str, /, **fields: Any) -> Any:
        method = SERVED[method_name]
        assert isinstance(method, Method)
        outcome = await self._dispatcher.dispatch(method, method.request(**fields), Caller("test"))
        assert outcome.answer is not None, outcome.status
        return outcome.answer.message() if isinstance(outcome.answer, SerializedMessage) else outcome.answer

    async def read(self, name: str) -> Any:
        return (await self._dispatcher.dispatch(SERVED[name], HttpCall(), Caller("test"))).answer


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store at the newest schema."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()


async def test_each_caller_sees_and_makes_rows_of_its_namespace(store: SqlStore, migrated_url: str) -> None:
    names = ("one", "two")
    for client in [Client(store, migrated_url, Confined(name)) for name in names]:
        # The same names twice: they are unique in a namespace only.
        await client.ask("ExperimentService.CreateExperiment", experiment={"display_name": "e", "namespace": "x"})
        await client.ask("PipelineService.CreatePipeline", pipeline={"name": "p", "namespace": "x"})
    for name, client in [(name, Client(store, migrated_url, Confined(name))) for name in names]:
        [experiment] = (await client.ask("ExperimentService.ListExperiments")).experiments
        [pipeline] = (await client.ask("PipelineService.ListPipelines")).pipelines
        assert (experiment.namespace, pipeline.namespace) == (name, name)
        assert await client.ask("PipelineService.GetPipelineByName", name="p", namespace="x") == pipeline
        assert [row["id"] for row in (await client.read("v1beta1.ListPipelines"))["pipelines"]] == [
            pipeline.pipeline_id
        ]
        assert len((await client.read("v1beta1.ListExperiments"))["experiments"]) == 1
    everybody = Client(store, migrated_url, SingleUser())
    assert (await everybody.ask("PipelineService.ListPipelines")).total_size == 2
    assert (await everybody.ask("ExperimentService.ListExperiments")).total_size == 3  # and the default one


async def test_runs_artifacts_and_the_cache_are_of_the_callers_namespace(store: SqlStore, migrated_url: str) -> None:
    runs = [a_run(namespace=name) for name in ("one", "two")]
    tasks = [
        a_task(run.id, namespace=run.namespace, state=TaskState.SUCCEEDED.value, cache_fingerprint=FINGERPRINT)
        for run in runs
    ]
    await keep(store, *runs, *tasks)
    artifact = artifact_pb2.Artifact(name="a", namespace="x", type=artifact_pb2.Artifact.Dataset)
    for run, task in zip(runs, tasks, strict=True):
        client = Client(store, migrated_url, Confined(run.namespace))
        await client.ask(
            "ArtifactService.CreateArtifact", run_id=run.id, task_id=task.id, producer_key="o", artifact=artifact
        )
        [row] = (await client.ask("RunService.ListRuns", namespace="x")).runs
        assert row.run_id == run.id
        [made] = (await client.ask("ArtifactService.ListArtifacts", namespace="x")).artifacts
        assert made.namespace == run.namespace
        cached = await client.ask("RunService.FindCachedTask", cache_fingerprint=FINGERPRINT, namespace="x")
        assert cached.task.task_id == task.id
        assert [row["id"] for row in (await client.read("v1beta1.ListRuns"))["runs"]] == [run.id]
    everybody = Client(store, migrated_url, SingleUser())
    assert (await everybody.ask("RunService.ListRuns")).total_size == 2
    assert (await everybody.ask("ArtifactService.ListArtifacts")).total_size == 2
    new = await everybody.ask("RunService.CreateRun", run=run_pb2.Run(display_name="new"))
    assert (await store.read(lambda tx: tx.runs.head(new.run_id))).namespace == ""
