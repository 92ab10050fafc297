"""Idempotency keys: a call that is sent again with its key happens once, and is answered alike."""

import asyncio
from typing import Any

import pytest

from server.app import APIS
from server.calls import recording
from server.calls.idempotency import KEY_CHARACTERS, writes
from server.rules import experiments
from storage.sql.store import SqlStore
from tests.api.builders import a_run, a_task, an_artifact, new_run, new_run_and_task, unique
from tests.api.client import METHODS, code, refusal
from tests.api.service import serving
from tests.api.statements import failing_at, watched
from tests.api.writes import EXAMPLES, NEVER_ANSWERED, UPLOADS, Site, sent

AT_ONCE = 12


def test_every_operation_that_writes_has_an_example() -> None:
    names = {each.name for api in APIS for each in api.served() if writes(each)}
    examples = {name.rpartition(".")[2] for name in names - UPLOADS}
    assert names >= UPLOADS
    assert examples == EXAMPLES.keys() | NEVER_ANSWERED


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_same_key_and_content_give_the_same_answer_and_the_effect_once_only(site: Site, name: str) -> None:
    fields, key = await EXAMPLES[name](site), unique("key")
    before = await site.rows()
    first = await sent(site.api, name, fields, key)
    after = await site.rows()
    assert before != after
    assert [await sent(each, name, fields, key) for each in (site.api, site.other)] == [first, first]
    assert await site.rows() == after


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_call_without_a_key_sends_no_statement_for_it(site: Site, name: str) -> None:
    fields = await EXAMPLES[name](site)
    with watched(site.url) as statements:
        await sent(site.api, name, fields, None)
        assert statements.count > 0
        assert statements.naming("idempotency_keys") == []


@pytest.mark.parametrize("name", ["CreateTask", "UpdateTask", "CreateRun", "CreateArtifact", "DeleteRun"])
async def test_a_key_takes_two_statements_more_and_one_alone_when_it_is_sent_again(
    site: Site, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    monkeypatch.setattr(SqlStore, "writes_at_once", False)  # as with a key
    for key in (None, unique("key")):
        fields = await EXAMPLES[name](site)
        with watched(site.url) as statements:
            await sent(site.api, name, fields, key)
            counts.append(statements.count)
    assert counts[1] == counts[0] + 2
    with watched(site.url) as statements:
        await sent(site.api, name, fields, key)
        assert statements.count == 1


async def reused(call: Any) -> bool:
    refused = await refusal(call)
    return (refused.code, refused.info.reason) == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")


async def test_the_same_key_with_another_request_is_refused(site: Site) -> None:
    run_id, key = await new_run(site.api), unique("key")
    await site.api.CreateTask(run_id=run_id, task=a_task("one"), idempotency_key=key)
    before = await site.rows()
    assert await reused(site.other.CreateTask(run_id=run_id, task=a_task("two"), idempotency_key=key))
    assert await site.rows() == before


async def test_the_same_key_with_another_rpc_is_refused(site: Site) -> None:
    run_id, key = await new_run(site.api), unique("key")
    await site.api.ArchiveRun(run_id=run_id, idempotency_key=key)
    assert await reused(site.api.UnarchiveRun(run_id=run_id, idempotency_key=key))
    assert await reused(site.api.DeleteRun(run_id="unknown", idempotency_key=key))
    assert (await site.api.GetRun(run_id=run_id)).storage_state == 2  # ARCHIVED


async def test_metadata_that_changes_what_is_asked_are_part_of_the_content(site: Site) -> None:
    fields, key = await EXAMPLES["UpdatePipeline"](site), unique("key")
    await site.api.UpdatePipeline(**fields, idempotency_key=key)
    request = METHODS["UpdatePipeline"].request(**fields)
    metadata = (("idempotency-key", key), ("x-clear-tags", "true"))
    assert await reused(site.api.send("UpdatePipeline", request.SerializeToString(), metadata=metadata))


@pytest.mark.parametrize("key", ["", "k" * (KEY_CHARACTERS + 1)], ids=["empty", "long"])
async def test_a_malformed_key_is_refused_and_nothing_is_written(site: Site, key: str) -> None:
    before = await site.rows()
    refused = await refusal(site.api.CreateRun(run=a_run(), idempotency_key=key))
    assert (refused.code, refused.info.reason) == ("INVALID_ARGUMENT", "INVALID_IDEMPOTENCY_KEY")
    assert await site.rows() == before


async def test_the_longest_key_and_every_printable_character_are_taken(site: Site) -> None:
    printable = "".join(map(chr, range(0x21, 0x7F)))
    for key in ("k" * KEY_CHARACTERS, printable, f"a {unique('b')}"):
        made = [await site.api.CreateRun(run=a_run(), idempotency_key=key) for _ in range(2)]
        assert made[0] == made[1]


async def test_reads_ignore_keys_even_malformed_ones(site: Site) -> None:
    run_id, key = await new_run(site.api), unique("key")
    count = await site.keys()
    for each in (key, "", "k" * 999):
        assert (await site.api.GetRun(run_id=run_id, idempotency_key=each)).run_id == run_id
    assert await site.keys() == count
    await site.api.DeleteRun(run_id=run_id, idempotency_key=key)


async def test_a_call_that_fails_leaves_no_record_and_its_key_can_be_used(site: Site) -> None:
    run_id, key, count = await new_run(site.api), unique("key"), await site.keys()
    await site.api.ArchiveRun(run_id=run_id)
    await site.api.DeleteRun(run_id=run_id)
    task = a_task()
    assert await code(site.api.CreateTask(run_id=run_id, task=task, idempotency_key=key)) == "NOT_FOUND"
    assert await site.keys() == count
    assert (await site.api.CreateRun(run=a_run(), idempotency_key=key)).run_id


@pytest.mark.parametrize("name", sorted(NEVER_ANSWERED))
async def test_rpcs_that_only_fail_keep_nothing(site: Site, name: str) -> None:
    count = await site.keys()
    request = METHODS[name].request()
    metadata = (("idempotency-key", unique("key")),)
    assert await code(site.api.send(name, request.SerializeToString(), metadata=metadata)) != "OK"
    assert await site.keys() == count


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_effect_and_record_are_written_together_or_not_at_all(site: Site, number: int) -> None:
    fields, key = await EXAMPLES["CreateTask"](site), unique("key")
    before, count = await site.rows(), await site.keys()
    with failing_at(site.url, number):
        assert await code(site.api.CreateTask(**fields, idempotency_key=key)) == "INTERNAL"
    assert (await site.rows(), await site.keys()) == (before, count)
    assert await code(site.api.CreateTask(**fields, idempotency_key=key)) == "OK"


@pytest.mark.parametrize(
    "name", ["CreateRun", "CreateTask", "CreateExperiment", "CreatePipeline", "DeleteRun", "RetryRun"]
)
async def test_one_key_used_by_many_at_once_has_its_effect_once(site: Site, name: str) -> None:
    fields, key = await EXAMPLES[name](site), unique("key")
    servers = [site.api, site.other] * (AT_ONCE // 2)
    answers = await asyncio.gather(*(sent(each, name, fields, key) for each in servers))
    assert len(set(answers)) == 1
    after = await site.rows()
    assert await sent(site.api, name, fields, key) == answers[0]
    assert await site.rows() == after


async def test_of_calls_with_one_key_and_different_contents_at_once_one_has_its_effect(site: Site) -> None:
    run_id, key = await new_run(site.api), unique("key")
    servers = [site.api, site.other] * (AT_ONCE // 2)
    calls = (
        each.CreateTask(run_id=run_id, task=a_task(f"task-{number}"), idempotency_key=key)
        for number, each in enumerate(servers)
    )
    codes = await asyncio.gather(*(code(call) for call in calls))
    assert sorted(codes) == ["ALREADY_EXISTS"] * (AT_ONCE - 1) + ["OK"]
    assert (await site.api.ListTasks(run_id=run_id)).total_size == 1


async def test_an_experiment_that_is_archived_in_steps_is_recorded_with_the_last(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(experiments, "FIRST_RUNS", 1)
    fields, key, count = await EXAMPLES["ArchiveExperiment"](site), unique("key"), await site.keys()
    for _ in range(3):
        await new_run(site.api, **fields)
    with watched(site.url) as statements:
        await site.api.ArchiveExperiment(**fields, idempotency_key=key)
        assert len(statements.naming("UPDATE experiments")) == 1
        assert len(statements.naming("INSERT INTO idempotency_keys")) == 1
        assert "INSERT INTO idempotency_keys" in statements.texts[-1]
    await site.api.UnarchiveExperiment(**fields)
    await site.api.ArchiveExperiment(**fields, idempotency_key=key)
    assert (await site.api.GetExperiment(**fields)).storage_state == 1  # AVAILABLE
    assert await site.keys() == count + 1


@pytest.mark.parametrize("size", [10, 300_000, 3_000_000])
async def test_large_answers_are_kept_whole(site: Site, size: int) -> None:
    run_id, task_id = await new_run_and_task(site.api)
    item = {"run_id": run_id, "task_id": task_id, "producer_key": "out"}
    items = [item | {"artifact": an_artifact(metadata={"notes": {"string_value": text * size}})} for text in ("ä", "b")]
    for name, fields in (("CreateArtifact", items[0]), ("CreateArtifactsBulk", {"artifacts": items})):
        key = unique("key")
        answers = [await sent(each, name, fields, key) for each in (site.api, site.other)]
        assert answers[0] == answers[1]
        assert len(answers[0]) > size


async def test_an_answer_too_large_to_be_kept_is_refused_and_nothing_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields, key = await EXAMPLES["CreateTask"](site), unique("key")
    before = await site.rows()
    monkeypatch.setattr(recording, "ANSWER_BYTES", 50)
    refused = await refusal(site.api.CreateTask(**fields, idempotency_key=key))
    assert (refused.code, refused.info.reason) == ("INVALID_ARGUMENT", "ANSWER_TOO_LARGE")
    assert await site.rows() == before


async def test_a_key_is_forgotten_once_its_time_is_over(site: Site) -> None:
    key = unique("key")
    first = await site.api.CreateRun(run=a_run(), idempotency_key=key)
    settings = {"sweep_seconds": 0.05, "idempotency_hours": 0.001 / 3600}
    async with serving(site.url, **settings):
        async with asyncio.timeout(60):
            while await site.keys():  # noqa: ASYNC110 - a server deletes them
                await asyncio.sleep(0.05)
    assert (await site.api.CreateRun(run=a_run(), idempotency_key=key)).run_id != first.run_id
