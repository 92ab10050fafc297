"""Calls whose answers are lost and that are sent again with their keys: each has its effect once, and one answer."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.builders import a_run, a_task, an_artifact, new_run_and_task, unique, where
from tests.api.client import Api, refusal
from tests.api.service import serving
from tests.api.writes import Site, sent
from tests.contract.proxy import relay_to
from tests.contract.test_broken_connections import COMMIT

# Each example has a run of its own, so that they can share a database.
on_a_database = settings(
    max_examples=settings().max_examples // 5, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

names = st.sampled_from(["CreateTask", "CreateArtifact", "CreateRun"])
losses = st.lists(st.tuples(st.booleans(), st.sampled_from([None, 0.0, 0.001, 0.003, 0.01, 0.05])), max_size=4)
"""For each time a call is sent before its answer is taken: to which server, and after how long its caller leaves, if it does."""


class Caller:
    """Sends calls with keys to two servers, and loses answers."""

    def __init__(self, site: Site, run_id: str, task_id: str, word: str) -> None:
        self.site, self.word = site, word
        artifact = an_artifact(word)
        self.requests: dict[str, dict[str, Any]] = {
            "CreateTask": {"run_id": run_id, "task": a_task(word)},
            "CreateArtifact": {"run_id": run_id, "task_id": task_id, "producer_key": "out", "artifact": artifact},
            "CreateRun": {"run": a_run(display_name=word)},
        }

    async def call(self, name: str, lost: list[tuple[bool, float | None]], *, at_once: bool) -> None:
        """Make one call, of which answers are lost, until one is not; fails unless all answers are the same."""
        key, servers = unique("key"), (self.site.api, self.site.other)
        sendings = [self._send(servers[other], name, key, seconds) for other, seconds in lost]
        answers = await asyncio.gather(*sendings) if at_once else [await sending for sending in sendings]
        answers += [await sent(server, name, self.requests[name], key) for server in servers]
        assert len({answer for answer in answers if answer is not None}) == 1

    async def _send(self, server: Api, name: str, key: str, seconds: float | None) -> bytes | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await sent(server, name, self.requests[name], key)
        return None

    async def counts(self) -> dict[str, int]:
        """How many tasks, artifacts and runs have the word for a name."""
        named = where("name", "EQUALS", string_value=self.word)
        run_id, api = self.requests["CreateTask"]["run_id"], self.site.api
        return {
            "CreateTask": (await api.ListTasks(run_id=run_id, filter=named)).total_size,
            "CreateArtifact": (await api.ListArtifacts(filter=named)).total_size,
            "CreateRun": (await api.ListRuns(filter=named)).total_size,
        }


@on_a_database
@given(calls=st.lists(st.tuples(names, losses, st.booleans()), min_size=1, max_size=5))
async def test_calls_sent_again_through_two_servers_happen_once(site: Site, calls: list[Any]) -> None:
    run_id, task_id = await new_run_and_task(site.api)
    caller = Caller(site, run_id, task_id, unique("word"))
    for name, lost, at_once in calls:
        await caller.call(name, lost, at_once=at_once)
    expected = dict.fromkeys(caller.requests, 0)
    for name, _, _ in calls:
        expected[name] += 1
    assert await caller.counts() == expected


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_call_whose_outcome_is_unknown_can_be_sent_again(site: Site, database_kind: str, arrives: bool) -> None:
    key, word = unique("key"), unique("word")
    async with relay_to(site.url) as (relay, url), serving(url) as addresses:
        api = Api(addresses.grpc)
        # Connections are open when the cut is set: drivers of MySQL commit when they connect.
        await api.GetRun(run_id=(await api.CreateRun(run=a_run())).run_id)
        relay.cut_at(COMMIT[database_kind], lets_through=arrives)
        refused = await refusal(api.CreateRun(run=a_run(display_name=word), idempotency_key=key))
        assert (refused.info.reason, relay.cuts) == ("OUTCOME_UNKNOWN", 1)
        assert (await counted(site.api, word)) == int(arrives)
        for server in (api, site.api, site.other):
            await server.CreateRun(run=a_run(display_name=word), idempotency_key=key)
        await api.channel.close()
    assert (await counted(site.api, word)) == 1


async def counted(api: Api, word: str) -> int:
    """How many runs have a name."""
    return int((await api.ListRuns(filter=where("name", "EQUALS", string_value=word))).total_size)
