"""What storage.contract promises of idempotency keys."""

import asyncio

import pytest
from sqlalchemy import insert

from migrations.upgrade import upgrade
from storage.contract import WriteTx
from storage.model import KeptAnswer
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import an_answer
from tests.contract.concurrency import SOON, assert_waits
from tests.contract.plans import explain
from tests.contract.watching import statements
from tests.signals import Signal

EVERY_BYTE = bytes(range(256)) * 3 + b"\\'\"\x00%s:a"


async def kept(store: SqlStore, answer: KeptAnswer) -> KeptAnswer:
    return await store.write(lambda tx: tx.idempotency_keys.keep(answer))


async def found(store: SqlStore, answer: KeptAnswer) -> KeptAnswer | None:
    return await store.read_one(lambda tx: tx.idempotency_keys.find(answer.id))


async def test_a_key_under_which_nothing_is_kept_finds_no_answer(store: SqlStore) -> None:
    assert await found(store, an_answer()) is None


@pytest.mark.parametrize("data", [b"", EVERY_BYTE, EVERY_BYTE * 5_000], ids=["none", "every", "many"])
async def test_an_answer_is_found_as_it_was_kept_whatever_bytes_it_has(store: SqlStore, data: bytes) -> None:
    answer = an_answer(answer=data)
    assert await kept(store, answer) is answer
    assert await found(store, answer) == answer


async def test_the_first_answer_kept_under_a_key_stays_and_is_returned_instead_of_a_second_one(
    store: SqlStore,
) -> None:
    first = an_answer(answer=b"first")
    await kept(store, first)
    second = an_answer(id=first.id, content="1" * 64, answer=b"second")
    assert await kept(store, second) == first
    assert await found(store, second) == first


async def test_an_answer_waits_for_another_that_is_being_kept_under_its_key(store: SqlStore) -> None:
    first = an_answer(answer=b"first")
    second = an_answer(id=first.id, answer=b"second")
    answers: list[KeptAnswer] = []

    async def keep_second(tx: WriteTx) -> None:
        answers.append(await tx.idempotency_keys.keep(second))

    await assert_waits(store, holding=lambda tx: tx.idempotency_keys.keep(first), waiting=keep_second)
    assert answers[-1] == first


async def test_a_key_whose_first_answer_was_undone_takes_the_second(store: SqlStore) -> None:
    first, is_kept, let_go = an_answer(answer=b"first"), Signal(), Signal()
    second = an_answer(id=first.id, answer=b"second")

    async def undone(tx: WriteTx) -> None:
        await tx.idempotency_keys.keep(first)
        is_kept.set()
        await let_go.wait()
        raise LookupError

    undoing = asyncio.create_task(store.write(undone))
    await is_kept.wait()
    keeping = asyncio.create_task(kept(store, second))
    await asyncio.wait([keeping], timeout=SOON)
    let_go.set()
    with pytest.raises(LookupError):
        await undoing
    assert await keeping is second
    assert await found(store, first) == second


async def test_keys_from_before_a_given_time_are_listed_oldest_first_and_at_most_as_many_as_asked_for(
    store: SqlStore,
) -> None:
    answers = [an_answer(created_at=moment) for moment in (30, 10, 40, 20)]
    for answer in answers:
        await kept(store, answer)
    ids = await store.read_one(lambda tx: tx.idempotency_keys.list_old(created_before=40, limit=9))
    assert ids == [answers[1].id, answers[3].id, answers[0].id]
    assert await store.read_one(lambda tx: tx.idempotency_keys.list_old(created_before=40, limit=2)) == ids[:2]


async def test_keys_that_are_deleted_find_nothing_others_stay(store: SqlStore) -> None:
    answers = [an_answer() for _ in range(3)]
    for answer in answers:
        await kept(store, answer)
    await store.write(lambda tx: tx.idempotency_keys.delete([answer.id for answer in answers[:2]]))
    assert [await found(store, answer) for answer in answers] == [None, None, answers[2]]


def upgrade_and_fill(url: str) -> None:
    """Make enough keys for an index to be worth its while."""
    upgrade(url)
    asyncio.run(fill(url))


async def fill(url: str) -> None:
    store = SqlStore(url)
    answers = [an_answer(created_at=moment, answer=b"x" * 500) for moment in range(3_000)]
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.idempotency_keys), [values_of(answer) for answer in answers])
    await store.close()


async def test_the_sweep_finds_old_keys_by_their_index(busy_store: SqlStore) -> None:
    with statements(busy_store) as log:
        await busy_store.read(lambda tx: tx.idempotency_keys.list_old(created_before=100, limit=9))
    plan = await explain(busy_store, log[-1], may_sort=False)
    assert (plan.indexes, plan.sorts) == ({"idempotency_keys_created"}, False), plan.shown
