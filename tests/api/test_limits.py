"""Limits: what is exactly as long as allowed is kept whole, one more is INVALID_ARGUMENT."""

from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2

from tests.api.builders import (
    Task,
    a_link,
    a_parameter,
    a_run,
    a_struct,
    a_task,
    an_artifact,
    get_task,
    new_artifact,
    new_run,
    new_run_and_task,
    new_task,
    unique,
    where,
    with_inputs,
)
from tests.api.client import Api, code, refusal
from tests.api.conftest import Serve

MEBIBYTE = 1024 * 1024
FOUR_BYTES = "🚀"


@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
@pytest.mark.parametrize(("field", "limit"), [("name", 128), ("display_name", 1024), ("cache_fingerprint", 255)])
async def test_texts_of_a_task_are_limited_in_characters(api: Api, field: str, limit: int, letter: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    longest = a_task(**{field: letter * limit})
    made = await api.CreateTask(run_id=run_id, task=longest)
    assert getattr(await get_task(api, run_id, made.task_id), field) == letter * limit
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=longest)) == "OK"
    longer = Task(**{field: letter * (limit + 1)})
    assert await code(api.CreateTask(run_id=run_id, task=longer)) == "INVALID_ARGUMENT"
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=longer)) == "INVALID_ARGUMENT"
    assert await code(api.UpdateTasksBulk(run_id=run_id, tasks={task_id: longer})) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
async def test_a_scope_path_is_limited_in_bytes(api: Api, letter: str) -> None:
    run_id = await new_run(api)
    longest = letter * (64 * 1024 // len(letter.encode()))
    made = await api.CreateTask(run_id=run_id, task=a_task(scope_path=longest))
    assert (await get_task(api, run_id, made.task_id)).scope_path == longest
    assert await code(api.CreateTask(run_id=run_id, task=a_task(scope_path=longest + "a"))) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
async def test_a_parameter_key_is_limited_in_characters(api: Api, side: str, letter: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    longest = Task(**{side: {"parameters": [a_parameter(letter * 191)]}})
    task = await api.UpdateTask(run_id=run_id, task_id=task_id, task=longest)
    assert getattr(task, side).parameters[0].parameter_key == letter * 191
    longer = Task(**{side: {"parameters": [a_parameter(letter * 192)]}})
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=longer)) == "INVALID_ARGUMENT"
    assert await code(api.CreateTask(run_id=run_id, task=longer)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
@pytest.mark.parametrize(("field", "limit"), [("name", 128), ("uri", 2048), ("namespace", 63)])
async def test_texts_of_an_artifact_are_limited_in_characters(api: Api, field: str, limit: int, letter: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out"}
    made = await api.CreateArtifact(artifact=an_artifact(**{field: letter * limit}), **request)
    kept = await api.GetArtifact(artifact_id=made.artifact_id)
    assert getattr(kept, field) == ("" if field == "namespace" else letter * limit)
    longer = an_artifact(**{field: letter * (limit + 1)})
    assert await code(api.CreateArtifact(artifact=longer, **request)) == "INVALID_ARGUMENT"
    bulk = [artifact_pb2.CreateArtifactRequest(artifact=longer, **request)]
    assert await code(api.CreateArtifactsBulk(artifacts=bulk)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
async def test_artifact_keys_are_limited_in_characters(api: Api, letter: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    request = {"run_id": run_id, "task_id": task_id, "artifact": an_artifact()}
    for size, expected in ((191, "OK"), (192, "INVALID_ARGUMENT")):
        link = a_link(run_id, task_id, artifact_id, key=letter * size)
        assert await code(api.CreateArtifactTask(artifact_task=link)) == expected
        assert await code(api.CreateArtifact(producer_key=letter * size, **request)) == expected
    assert (await get_task(api, run_id, task_id)).inputs.artifacts[0].artifact_key == letter * 191


@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
async def test_a_display_name_of_a_run_is_limited_in_characters(api: Api, letter: str) -> None:
    run_id = await new_run(api, display_name=letter * 1024)
    assert (await api.GetRun(run_id=run_id)).display_name == letter * 1024
    assert await code(api.CreateRun(run=a_run(letter * 1025))) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("longest", ["a" * 191, FOUR_BYTES * 47 + "abc"])
@pytest.mark.parametrize("field", ["run_id", "recurring_run_id"])
async def test_ids_of_a_run_are_limited_in_bytes(api: Api, field: str, longest: str) -> None:
    run = await api.CreateRun(run=a_run(unique("run"), **{field: longest}))
    assert getattr(await api.GetRun(run_id=run.run_id), field) == longest
    await api.DeleteRun(run_id=run.run_id)
    assert await code(api.CreateRun(run=a_run(**{field: longest + "a"}))) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("rpc", ["UpdateTasksBulk", "CreateArtifactsBulk", "CreateArtifactTasksBulk"])
async def test_items_of_a_bulk_call_are_limited(serve: Serve, rpc: str) -> None:
    api = await serve(bulk_items_max=3)
    run_id, task_id = await new_run_and_task(api)
    for size, expected in ((3, "OK"), (4, "INVALID_ARGUMENT")):
        task_ids = [await new_task(api, run_id) for _ in range(size)]
        item = artifact_pb2.CreateArtifactRequest(
            run_id=run_id, task_id=task_id, producer_key="out", artifact=an_artifact()
        )
        link = a_link(run_id, task_id, await new_artifact(api, run_id, task_id))
        request = {
            "UpdateTasksBulk": {"run_id": run_id, "tasks": dict.fromkeys(task_ids, Task())},
            "CreateArtifactsBulk": {"artifacts": [item] * size},
            "CreateArtifactTasksBulk": {"artifact_tasks": [link] * size},
        }[rpc]
        assert await code(getattr(api, rpc)(**request)) == expected


@pytest.mark.parametrize("kind", ["run_ids", "task_ids", "artifact_ids"])
async def test_ids_that_a_list_of_links_is_limited_by_are_limited(serve: Serve, kind: str) -> None:
    api = await serve(bulk_items_max=3)
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    one = {"run_ids": run_id, "task_ids": task_id, "artifact_ids": artifact_id}[kind]
    assert await code(api.ListArtifactTasks(**{kind: [one] * 100})) == "OK"
    many = [one, *(f"id-{number}" for number in range(3))]
    for asked in (many, many * 2):
        assert await code(api.ListArtifactTasks(**{kind: asked})) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("kind", ["run_ids", "task_ids", "artifact_ids"])
async def test_a_list_of_links_takes_ten_thousand_ids_of_a_kind(api: Api, kind: str) -> None:
    ids = [f"id-{number}" for number in range(10_001)]
    expected = "OK" if kind == "run_ids" else "NOT_FOUND"
    assert await code(api.ListArtifactTasks(**{kind: ids[:10_000]})) == expected
    assert await code(api.ListArtifactTasks(**{kind: ids})) == "INVALID_ARGUMENT"


async def test_a_list_of_links_takes_ten_thousand_ids_and_the_longest_filter(api: Api) -> None:
    predicate = '{"key":"type","operation":8,"int_values":{"values":[' + ",".join("1" * 1000) + "]}}"
    text = '{"predicates":[' + ",".join([predicate] * 31) + "]}"
    assert 60_000 < len(text) <= 64 * 1024
    page = await api.ListArtifactTasks(run_ids=[f"r{n}" for n in range(10_000)], filter=text)
    assert page.total_size == 0


async def test_ten_thousand_links_fit_one_bulk_call(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, run_id, task_id)
    links = [a_link(run_id, task_id, artifact_id, key=f"key-{number}") for number in range(10_001)]
    assert await code(api.CreateArtifactTasksBulk(artifact_tasks=links)) == "INVALID_ARGUMENT"
    made = await api.CreateArtifactTasksBulk(artifact_tasks=links[:10_000])
    assert [link.key for link in made.artifact_tasks] == [link.key for link in links[:10_000]]


def stored_bytes(value: str) -> int:
    """How long the JSON column is that holds one text parameter."""
    return len('[{"value":"","type":"RUNTIME_VALUE_INPUT","parameterKey":"alpha"}]') + len(value.encode())


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["a", FOUR_BYTES])
async def test_a_json_column_holds_sixteen_mebibytes(roomy_api: Api, letter: str) -> None:
    api = roomy_api
    run_id, task_id = await new_run_and_task(api)
    room = 16 * MEBIBYTE - stored_bytes("")
    longest = letter * (room // len(letter.encode())) + "b" * (room % len(letter.encode()))
    assert stored_bytes(longest) == 16 * MEBIBYTE
    kept = with_inputs(a_parameter("alpha", longest))
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=kept)
    assert (await get_task(api, run_id, task_id)).inputs == kept.inputs
    longer = with_inputs(a_parameter("alpha", longest + "c"))
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=longer)) == "INVALID_ARGUMENT"
    assert await code(api.CreateTask(run_id=run_id, task=longer)) == "INVALID_ARGUMENT"
    assert (await get_task(api, run_id, task_id)).inputs == kept.inputs


async def test_merged_parameters_must_fit_one_column_too(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    half = "a" * (8 * MEBIBYTE)
    assert await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=with_inputs(a_parameter("a", half)))) == "OK"
    merged = api.UpdateTask(run_id=run_id, task_id=task_id, task=with_inputs(a_parameter("b", half)))
    assert await code(merged) == "INVALID_ARGUMENT"


async def test_metadata_specs_and_configurations_are_limited_as_columns(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    text = {"string_value": "a" * (16 * MEBIBYTE)}
    request = {"run_id": run_id, "task_id": task_id, "producer_key": "out"}
    for call in (
        api.CreateArtifact(artifact=an_artifact(metadata={"a": text}), **request),
        api.CreateRun(run=a_run(parameters={"a": text["string_value"]})),
        api.CreateTask(run_id=run_id, task=a_task(status_metadata={"message": text["string_value"]})),
    ):
        assert await code(call) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [
        ({f"p{number}": {} for number in range(32)}, "OK"),
        ({f"p{number}": {} for number in range(33)}, "INVALID_ARGUMENT"),
        ({"p": {"a": "x" * (64 * 1024 - len('{"p":{"a":""}}'))}}, "OK"),
        ({"p": {"a": "x" * (64 * 1024 - len('{"p":{"a":""}}') + 1)}}, "INVALID_ARGUMENT"),
    ],
)
async def test_plugins_input_is_limited_in_keys_and_bytes(api: Api, plugins: dict[str, Any], expected: str) -> None:
    asked = {name: a_struct(settings) for name, settings in plugins.items()}
    call = api.CreateRun(run=a_run(plugins_input=asked))
    if expected != "OK":
        assert await code(call) == expected
    else:
        assert dict((await api.GetRun(run_id=(await call).run_id)).plugins_input) == asked


@pytest.mark.parametrize(("depth", "expected"), [(16, "OK"), (17, "INVALID_ARGUMENT")])
async def test_plugins_input_is_limited_in_depth(api: Api, depth: int, expected: str) -> None:
    settings: dict[str, Any] = {}
    for _ in range(depth - 1):
        settings = {"a": settings}
    assert await code(api.CreateRun(run=a_run(plugins_input={"p": a_struct(settings)}))) == expected


@pytest.mark.parametrize(("size", "expected"), [(1000, "OK"), (1001, "INVALID_ARGUMENT")])
async def test_in_takes_a_thousand_values(api: Api, size: int, expected: str) -> None:
    asked = where("name", "IN", string_values={"values": [str(number) for number in range(size)]})
    assert await code(api.ListArtifacts(filter=asked)) == expected


async def test_long_lists_of_one_column_meet_beside_ten_thousand_ids(api: Api) -> None:
    numbers = ",".join(map(str, range(1000)))
    wanted = f'{{"key":"type","operation":"IN","int_values":{{"values":[{numbers}]}}}}'
    asked = f'{{"predicates":[{",".join([wanted] * 16)}]}}'
    run_ids = [str(number) for number in range(10_000)]
    assert await code(api.ListArtifactTasks(run_ids=run_ids, filter=asked)) == "OK"


@pytest.mark.parametrize(("size", "expected"), [(64, "OK"), (65, "INVALID_ARGUMENT")])
async def test_a_filter_takes_sixty_four_predicates(api: Api, size: int, expected: str) -> None:
    predicate = '{"key":"name","operation":"NOT_EQUALS","string_value":"x"}'
    asked = f'{{"predicates":[{",".join([predicate] * size)}]}}'
    assert await code(api.ListArtifacts(filter=asked)) == expected


@pytest.mark.parametrize(("size", "expected"), [(64 * 1024, "OK"), (64 * 1024 + 1, "INVALID_ARGUMENT")])
async def test_a_filter_is_limited_in_bytes(api: Api, size: int, expected: str) -> None:
    shortest = where("name", "EQUALS", string_value="")
    asked = where("name", "EQUALS", string_value="x" * (size - len(shortest)))
    assert len(asked) == size
    assert await code(api.ListArtifacts(filter=asked)) == expected


@pytest.mark.parametrize("rpc", ["ListTasks", "ListArtifacts", "ListArtifactTasks", "ListRuns"])
async def test_pages_hold_twenty_rows_unless_asked_and_two_hundred_at_most(serve: Serve, rpc: str) -> None:
    api = await serve(page_size_default=2, page_size_max=4)
    run_id = await new_run(api)
    for number in range(5):
        await new_run(api)
        await new_artifact(api, run_id, await new_task(api, run_id, f"task-{number}"))
    scope = {"ListTasks": {"run_id": run_id}, "ListArtifactTasks": {"run_ids": [run_id]}}.get(rpc, {})
    sizes = []
    for asked in (0, 1, 3, 4, 5, 2**31 - 1):
        page = await getattr(api, rpc)(page_size=asked, **scope)
        [rows] = [value for field, value in page.ListFields() if field.name not in ("total_size", "next_page_token")]
        sizes.append(len(rows))
    assert sizes == [2, 1, 3, 4, 4, 4]
    assert await code(getattr(api, rpc)(page_size=-1, **scope)) == "INVALID_ARGUMENT"


async def test_a_refused_length_names_field_and_limit(api: Api) -> None:
    refused = await refusal(api.CreateTask(run_id=await new_run(api), task=a_task("n" * 129)))
    assert dict(refused.info.metadata) == {"field": "task.name", "limit": "128"}
    assert "task.name" in refused.message
