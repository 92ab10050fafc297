"""What the reference answered, ours answers; and where ours is meant to differ, it answers what we promise instead."""

import asyncio
from typing import Any

import pytest

from tests.conformance.scenarios import difference, scenario_names, scenario_names_needing_an_empty_store

EMPTY = scenario_names_needing_an_empty_store()


@pytest.mark.parametrize("name", [name for name in scenario_names() if name not in EMPTY])
async def test_the_answers_agree_with_the_recorded_ones(shared_server: Any, name: str) -> None:
    assert await asyncio.to_thread(difference, shared_server, name) is None


@pytest.mark.parametrize("name", EMPTY)
async def test_the_answers_of_an_empty_store_agree_with_the_recorded_ones(empty_server: Any, name: str) -> None:
    assert await asyncio.to_thread(difference, empty_server, name) is None


def test_only_the_scenario_of_the_rest_door_is_left_out() -> None:
    assert scenario_names(http=True) == ["recorded/091_http_routes"]
    assert (len(scenario_names()), len(EMPTY)) == (75, 1)
