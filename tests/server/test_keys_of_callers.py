"""Idempotency keys belong to callers, are looked up before anything else, and nothing is written past them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from server.app import APIS
from server.calls import recording
from server.calls.authority import SingleUser
from server.calls.call import Call, Handler, Shared
from server.calls.caller import SINGLE_USER_SCOPE, Caller, Identity, Scope
from server.calls.dispatcher import Dispatcher, Outcome
from server.calls.methods import Method
from server.calls.namespaces import Request, namespaces_of
from server.calls.policy import Rule
from server.config import Settings
from server.rules import old_keys
from storage.pages import PageTokens
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, an_answer, an_experiment, keep

METHODS = {each.name: each for api in APIS for each in api.methods}


class Named(SingleUser):
    """Believes callers who they are, and looks for the namespaces of what they ask."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        return Identity(metadata["authorization"])

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        await namespaces_of(self._store, rule.namespace, request)
        return SINGLE_USER_SCOPE


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    """A store at the newest schema."""
    store = SqlStore(migrated_url)
    yield store
    await store.close()


class Client:
    """Calls methods as somebody, with a key."""

    def __init__(self, store: SqlStore) -> None:
        shared = Shared(store=store, tokens=PageTokens(b"key"), settings=Settings())
        self._dispatcher = Dispatcher(shared, Named(store))

    async def call(self, who: str, method: Method, **fields: Any) -> Outcome[Any]:
        metadata = {"authorization": who, "idempotency-key": "key"}
        return await self._dispatcher.dispatch(method, method.request(**fields), Caller("test", metadata=metadata))


async def test_two_callers_with_one_key_have_two_effects(store: SqlStore) -> None:
    client, method = Client(store), METHODS["RunService.CreateRun"]
    answers = [(await client.call(who, method, run={"display_name": "r"})).answer for who in ("a", "b", "a")]
    assert answers[0] == answers[2]
    assert answers[0] != answers[1]


async def test_a_deletion_that_is_sent_again_is_answered_though_what_it_names_is_gone(store: SqlStore) -> None:
    client, method, run = Client(store), METHODS["RunService.DeleteRun"], a_run()
    await keep(store, an_experiment(id=run.experiment_id), run)
    outcomes = [await client.call(who, method, run_id=run.id) for who in ("a", "a", "b")]
    assert [outcome.status.code_name for outcome in outcomes] == ["OK", "OK", "NOT_FOUND"]


def handled(handler: Handler) -> Method:
    """A method that writes and is answered by a handler."""
    return replace(METHODS["RunService.ArchiveRun"], handler=handler)


async def test_a_handler_that_writes_past_the_key_fails_before_it_has_written(store: SqlStore) -> None:
    experiment = an_experiment()

    async def careless(call: Call, request: Any) -> Any:
        await call.store.write(lambda tx: tx.experiments.create(experiment))

    run = a_run()
    await keep(store, run)
    outcome = await Client(store).call("a", handled(careless), run_id=run.id)
    assert outcome.status.code_name == "INTERNAL"
    listed = await store.read_one(lambda tx: tx.idempotency_keys.list_old(created_before=2**62, limit=9))
    assert listed == []
    await keep(store, experiment)  # its name and id are free


async def test_an_answer_of_many_bytes_is_refused_however_well_it_can_be_compressed(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "WHOLE_ANSWER_BYTES", 2_000)
    client, method = Client(store), METHODS["ExperimentService.CreateExperiment"]
    outcome = await client.call("a", method, experiment={"display_name": "e", "description": "x" * 3_000})
    assert (outcome.status.code_name, outcome.status.reason) == ("INVALID_ARGUMENT", "ANSWER_TOO_LARGE")
    outcome = await client.call("a", method, experiment={"display_name": "e", "description": "x"})
    assert outcome.status.code_name == "OK"


async def test_old_keys_are_deleted_in_batches_and_the_rest_with_the_next_sweep(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_keys, "KEYS_AT_ONCE", 3)
    monkeypatch.setattr(old_keys, "BATCHES_PER_SWEEP", 2)

    async def write(tx: Any) -> None:
        for moment in range(10):
            await tx.idempotency_keys.keep(an_answer(created_at=moment))

    await store.write(write)
    assert [await old_keys.delete(store, created_before=8) for _ in range(3)] == [6, 2, 0]
    assert len(await store.read_one(lambda tx: tx.idempotency_keys.list_old(created_before=99, limit=9))) == 2
