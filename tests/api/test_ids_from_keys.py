"""Idempotency keys that are UUIDs of version 7: the caller knows the ids of what its call creates before it is sent."""

import asyncio
import time
import uuid
from typing import Any

import pytest

from storage.ids import id_of_key, new_id
from storage.sql.store import SqlStore
from tests.api.builders import a_run, a_task, an_artifact, new_run_and_task
from tests.api.client import code, refusal
from tests.api.statements import failing_at
from tests.api.writes import EXAMPLES, Site

AT_ONCE = 8
ID_FIELDS = {
    "CreateRun": "run_id",
    "CreateTask": "task_id",
    "CreateArtifact": "artifact_id",
    "CreateExperiment": "experiment_id",
    "CreatePipeline": "pipeline_id",
    "CreatePipelineAndVersion": "pipeline_id",
    "CreatePipelineVersion": "pipeline_version_id",
}


async def made(site: Site, name: str, key: str, fields: dict[str, Any] | None = None) -> str:
    """The id of what a call with a key creates."""
    answer = await getattr(site.api, name)(**fields or await EXAMPLES[name](site), idempotency_key=key)
    return str(getattr(answer, ID_FIELDS[name]))


async def forget(site: Site) -> None:
    """Let the store forget all keys, as after `idempotency_hours`."""
    store, now = SqlStore(site.url), time.time_ns() // 1000 + 1_000_000
    key_ids = await store.read(lambda tx: tx.idempotency_keys.list_old(created_before=now, limit=10_000))
    await store.write(lambda tx: tx.idempotency_keys.delete(key_ids))
    await store.close()


async def is_taken(call: Any) -> bool:
    refused = await refusal(call)
    return (refused.code, refused.info.reason) == ("ALREADY_EXISTS", "ID_TAKEN")


async def test_the_server_says_that_ids_come_from_keys(site: Site) -> None:
    assert (await site.api.GetHealthz()).ids_from_keys


@pytest.mark.parametrize("name", ID_FIELDS)
async def test_a_key_that_is_a_uuid_of_version_7_determines_the_id_of_what_is_created(site: Site, name: str) -> None:
    key = new_id()
    assert await made(site, name, key) == id_of_key(key)


async def test_the_items_of_a_bulk_call_have_ids_by_their_positions(site: Site) -> None:
    fields, key = await EXAMPLES["CreateArtifactsBulk"](site), new_id()
    artifacts = (await site.api.CreateArtifactsBulk(**fields, idempotency_key=key)).artifacts
    assert [each.artifact_id for each in artifacts] == [id_of_key(key, 0), id_of_key(key, 1)]


async def test_links_have_ids_of_the_server_since_they_come_in_their_order(site: Site) -> None:
    fields, key = await EXAMPLES["CreateArtifactTask"](site), "00000000-0000-7000-8000-000000000001"
    link = await site.api.CreateArtifactTask(**fields, idempotency_key=key)
    links = await site.api.ListArtifactTasks(run_ids=[fields["artifact_task"].run_id])
    assert link.id != id_of_key(key)
    assert [each.id for each in links.artifact_tasks][-1] == link.id


@pytest.mark.parametrize("form", ["upper case", "without dashes", "version 4", "a word more"])
async def test_a_key_of_another_form_determines_no_ids(site: Site, form: str) -> None:
    key = new_id()
    forms = {
        "upper case": key.upper(),
        "without dashes": key.replace("-", ""),
        "version 4": str(uuid.uuid4()),
        "a word more": f"{key} again",
    }
    run_id = await made(site, "CreateRun", forms[form])
    assert run_id not in {id_of_key(key), id_of_key(forms["version 4"])}
    assert await made(site, "CreateRun", new_id()) > run_id


async def test_a_run_that_brings_an_id_keeps_it(site: Site) -> None:
    run_id, key = new_id(), new_id()
    assert await made(site, "CreateRun", key, {"run": a_run(run_id=run_id)}) == run_id


@pytest.mark.parametrize("number", [2, 3])
async def test_a_call_that_failed_creates_the_same_id_when_it_is_sent_again(site: Site, number: int) -> None:
    fields, key = await EXAMPLES["CreateTask"](site), new_id()
    before = await site.rows()
    with failing_at(site.url, number):
        assert await code(site.api.CreateTask(**fields, idempotency_key=key)) == "INTERNAL"
    assert await site.rows() == before
    assert await made(site, "CreateTask", key, fields) == id_of_key(key)


@pytest.mark.parametrize("name", ID_FIELDS)
async def test_equal_calls_at_once_create_one_row_with_the_id_of_their_key(site: Site, name: str) -> None:
    fields, key = await EXAMPLES[name](site), new_id()
    servers = [site.api, site.other] * (AT_ONCE // 2)
    calls = (getattr(each, name)(**fields, idempotency_key=key) for each in servers)
    ids = {getattr(answer, ID_FIELDS[name]) for answer in await asyncio.gather(*calls)}
    assert ids == {id_of_key(key)}


async def test_of_different_calls_at_once_with_one_key_one_has_its_effect(site: Site) -> None:
    run_id, _ = await new_run_and_task(site.api)
    key, servers = new_id(), [site.api, site.other] * (AT_ONCE // 2)
    calls = (
        each.CreateTask(run_id=run_id, task=a_task(f"task-{number}"), idempotency_key=key)
        for number, each in enumerate(servers)
    )
    refusals = await asyncio.gather(*(refusal(call) for call in calls), return_exceptions=True)
    reasons = [each.info.reason for each in refusals if not isinstance(each, BaseException)]
    assert reasons == ["IDEMPOTENCY_KEY_REUSED"] * (AT_ONCE - 1)


@pytest.mark.parametrize("name", ["CreateRun", "CreateTask", "CreateArtifact", "CreateArtifactsBulk"])
async def test_a_call_whose_key_was_forgotten_finds_its_id_taken_and_writes_nothing(site: Site, name: str) -> None:
    fields, key = await EXAMPLES[name](site), new_id()
    await getattr(site.api, name)(**fields, idempotency_key=key)
    await forget(site)
    before = await site.rows()
    assert await is_taken(getattr(site.other, name)(**fields, idempotency_key=key))
    assert (await site.rows(), await site.keys()) == (before, 0)


@pytest.mark.parametrize("name", ["CreateExperiment", "CreatePipeline", "CreatePipelineVersion"])
async def test_a_name_of_its_own_does_not_help_where_the_id_is_taken(site: Site, name: str) -> None:
    key = new_id()
    await made(site, name, key)
    await forget(site)
    assert await is_taken(made(site, name, key))


async def test_what_is_found_instead_of_being_created_is_answered_though_the_key_was_forgotten(site: Site) -> None:
    run_id, task_id = await new_run_and_task(site.api)
    step = {"run_id": run_id, "task": a_task(scope_path="root.train")}
    output = {"run_id": run_id, "task_id": task_id, "producer_key": "out"}
    reused = output | {"artifact": an_artifact(uri="s3://b/reused"), "reuse_if_exists": True}
    replayed = output | {"artifact": an_artifact(uri="s3://b/replayed")}
    for name, fields in (("CreateTask", step), ("CreateArtifact", reused), ("CreateArtifact", replayed)):
        key = new_id()
        assert await made(site, name, key, fields) == id_of_key(key)
        await forget(site)
        assert await made(site, name, key, fields) == id_of_key(key)


async def test_a_name_that_another_has_taken_is_no_taken_id(site: Site) -> None:
    fields = await EXAMPLES["CreateExperiment"](site)
    await site.api.CreateExperiment(**fields)
    refused = await refusal(site.api.CreateExperiment(**fields, idempotency_key=new_id()))
    assert (refused.code, refused.info.reason) == ("ALREADY_EXISTS", "ALREADY_EXISTS")
