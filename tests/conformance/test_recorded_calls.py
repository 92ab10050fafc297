"""What the reference answered, ours answers; and where ours is meant to differ, it answers what we promise instead."""

import asyncio
from typing import Any

import pytest

from tests.conformance.scenarios import (
    difference,
    scenario_names,
    scenario_names_needing_an_empty_store,
    scenario_names_with_unchecked_urls,
)

EMPTY = scenario_names_needing_an_empty_store()
UNCHECKED = scenario_names_with_unchecked_urls()
OTHERS = [name for name in scenario_names() if name not in EMPTY + UNCHECKED]


@pytest.mark.parametrize("name", OTHERS)
async def test_the_answers_agree_with_the_recorded_ones(shared_server: Any, name: str) -> None:
    assert await asyncio.to_thread(difference, shared_server, name) is None


@pytest.mark.parametrize("name", EMPTY)
async def test_the_answers_of_an_empty_store_agree_with_the_recorded_ones(empty_server: Any, name: str) -> None:
    assert await asyncio.to_thread(difference, empty_server, name) is None


@pytest.mark.parametrize("name", UNCHECKED)
async def test_the_answers_about_package_urls_agree_with_the_recorded_ones(unguarded_server: Any, name: str) -> None:
    assert await asyncio.to_thread(difference, unguarded_server, name) is None


def test_no_scenario_is_left_out() -> None:
    assert (len(OTHERS), len(EMPTY), len(UNCHECKED)) == (102, 2, 1)
