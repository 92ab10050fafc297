"""Parameters as a flow of data, resolved from what was recorded for the tasks of a run."""

import json
from dataclasses import replace
from typing import Any

import pytest

from server.rules.lineage import parameter_flow, run_flow
from server.rules.lineage.graph import Direction, EdgeKind
from storage.model import IOType, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.contract.watching import statements
from tests.lineage.world import BY_DEFAULT, Answer, World

pytestmark = pytest.mark.one_database

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
ONLY_PARAMETERS = frozenset({EdgeKind.PARAMETER})


def entry(key: str, type: IOType, value: Any, producer: str = "", iteration: int | None = None) -> dict[str, Any]:
    """A parameter as it is stored."""
    of_iteration = {} if iteration is None else {"iteration": str(iteration)}
    named = {"producer": {"taskName": producer, **of_iteration}} if producer else {}
    return {"type": type.name, "parameterKey": key, "value": value, **named}


class Run(World):
    """A world whose tasks are called by their paths and have parameters."""

    def add(
        self, path: str, *, takes: Any = (), puts: Any = (), name: str = "", iteration: int | None = None, **fields: Any
    ) -> None:
        """Make a task in the group before the last dot of its path."""
        parent, _, last = path.rpartition(".")
        index: dict[str, Any] = (
            {} if iteration is None else {"type_attributes": json.dumps({"iterationIndex": str(iteration)})}
        )
        inside: dict[str, Any] = {"parent_task_id": self.tasks[parent].id} if parent else {}
        documents: dict[str, Any] = {
            "input_parameters": json.dumps(list(takes)),
            "output_parameters": json.dumps(list(puts)),
        }
        self.task(path, **documents, **index, **inside, **fields)
        self.tasks[path] = replace(self.tasks[path], name=name or last)

    async def edges(self, store: SqlStore, start: str, direction: Direction, **fields: Any) -> set[tuple[str, str]]:
        """Which parameters passed, as far as they are reached from a task."""
        return (await self.walk(store, start, direction, **fields)).edges

    async def walk(self, store: SqlStore, start: str, direction: Direction, **fields: Any) -> Answer:
        """Walk along parameters only."""
        return await self.ask(store, start, direction=direction, **{"kinds": ONLY_PARAMETERS} | fields)


def an_output(key: str, value: Any, name: str) -> dict[str, Any]:
    """What a task puts out itself, or a group hands on."""
    return entry(key, IOType.OUTPUT, value, name)


def from_task(key: str, value: Any, name: str, **fields: Any) -> dict[str, Any]:
    """What comes from a task beside the one that takes it."""
    return entry(key, IOType.TASK_OUTPUT_INPUT, value, name, **fields)


def from_group(key: str, value: Any, name: str, **fields: Any) -> dict[str, Any]:
    """What comes from the inputs of the group around."""
    return entry(key, IOType.COMPONENT_INPUT, value, name, **fields)


async def test_parameters_are_followed_only_if_asked_for(store: SqlStore) -> None:
    run = Run()
    run.add("rate", puts=[an_output("Output", 0.5, "rate")])
    run.add("train", takes=[from_task("lr", 0.5, "rate")], makes=["model"])
    await run.keep(store)
    assert (await run.ask(store, "model", direction=UP)).tasks == {"train"}
    found = await run.ask(store, "model", direction=UP, kinds=BY_DEFAULT | {EdgeKind.PARAMETER})
    assert found.depths == {"model": 0, "train": -1, "rate": -2}
    (edge,) = [edge for edge in found.found.graph.edges if edge.kind is EdgeKind.PARAMETER]
    assert (edge.key, edge.iteration, edge.cached) == ("lr", None, False)
    down = await run.ask(store, "rate", direction=DOWN, kinds=BY_DEFAULT | {EdgeKind.PARAMETER})
    assert down.depths == {"rate": 0, "train": 1, "model": 2}


async def test_producers_are_found_by_name_beside_a_task_then_around_it(store: SqlStore) -> None:
    run = Run()
    run.add("size", puts=[an_output("Output", 3, "size")])
    run.add("group", type=TaskType.DAG)
    run.add("group.inner", type=TaskType.DAG)
    run.add("group.inner.train", takes=[from_task("n", 3, "size")])
    run.add("group.size", puts=[an_output("Output", 4, "size")])
    run.add("group.test", takes=[from_task("n", 4, "size")])
    await run.keep(store)
    # Nothing says from which level: the nearest.
    assert await run.edges(store, "group.inner.train", UP) == {("group.size", "group.inner.train")}
    assert await run.edges(store, "group.test", UP) == {("group.size", "group.test")}
    assert await run.edges(store, "size", DOWN) == set()


async def test_inputs_of_a_group_lead_to_where_the_group_has_them_from(store: SqlStore) -> None:
    run = Run()
    run.add("size", puts=[an_output("Output", 3, "size")])
    run.add("group", type=TaskType.DAG, takes=[from_task("n", 3, "size")])
    run.add("group.size", puts=[an_output("Output", 4, "size")])
    run.add("group.inner", type=TaskType.DAG, takes=[from_group("m", 3, "size")])
    run.add("group.inner.train", takes=[from_group("k", 3, "size")])
    await run.keep(store)
    assert await run.edges(store, "group.inner.train", UP) == {("size", "group.inner.train")}
    assert await run.edges(store, "size", DOWN) == {("size", "group.inner.train")}
    assert await run.edges(store, "group", UP) == {("size", "group")}


async def test_outputs_of_a_group_lead_to_the_task_within_it(store: SqlStore) -> None:
    run = Run()
    run.add("outer", type=TaskType.DAG, puts=[an_output("a", 1, "inner"), an_output("b", 2, "inner")])
    run.add("outer.inner", type=TaskType.DAG, puts=[an_output("c", 1, "one"), an_output("d", 2, "two")])
    run.add("outer.inner.one", puts=[an_output("Output", 1, "one")])
    run.add("outer.inner.two", puts=[an_output("Output", 2, "two")])
    # KFP says from where the group has it, not which group it was.
    run.add("use", takes=[from_task("x", 2, "inner")])
    run.add("named", takes=[from_task("x", 1, "outer")])
    await run.keep(store)
    assert await run.edges(store, "use", UP) == {("outer.inner.two", "use")}
    assert await run.edges(store, "named", UP) == {("outer.inner.one", "named")}
    assert await run.edges(store, "outer.inner.two", DOWN) == {("outer.inner.two", "use")}
    assert await run.edges(store, "outer", DOWN) == {("outer", "use"), ("outer", "named")}


async def test_one_name_for_a_task_beside_and_one_in_a_group_is_told_apart_by_values(store: SqlStore) -> None:
    run = Run()
    run.add("pick", puts=[an_output("Output", "near", "pick")])
    run.add("group", type=TaskType.DAG, puts=[an_output("Output", "far", "pick")])
    run.add("group.pick", puts=[an_output("Output", "far", "pick")])
    run.add("of-near", takes=[from_task("x", "near", "pick")])
    run.add("of-far", takes=[from_task("x", "far", "pick")])
    await run.keep(store)
    assert await run.edges(store, "of-near", UP) == {("pick", "of-near")}
    assert await run.edges(store, "of-far", UP) == {("group.pick", "of-far")}


async def test_one_of_leads_to_the_branch_that_ran(store: SqlStore) -> None:
    run = Run()
    channel = "pipelinechannel--say-Output"
    run.add("branches", type=TaskType.DAG, puts=[entry("oneof-1", IOType.ONE_OF_OUTPUT, "tails", "if-2")])
    for number, state in ((1, TaskState.SKIPPED), (2, TaskState.SUCCEEDED)):
        puts = [entry(channel, IOType.ONE_OF_OUTPUT, "tails", "say")] if number == 2 else []
        run.add(f"branches.if-{number}", type=TaskType.CONDITION_BRANCH, state=state, puts=puts)
    run.add("branches.if-2.say", puts=[an_output("Output", "tails", "say")])
    run.add("tell", takes=[from_task("text", "tails", "if-2")])
    await run.keep(store)
    assert await run.edges(store, "tell", UP) == {("branches.if-2.say", "tell")}


def a_loop(items_key: str, item_key: str, values: list[Any]) -> Run:
    """A loop over what one task puts out, with a task in each iteration, and one that takes all that these put out."""
    run = Run()
    run.add("list", puts=[an_output("Output", values, "list")])
    run.add("rate", puts=[an_output("Output", 0.5, "rate")])
    items = [entry(item_key, IOType.ITERATOR_INPUT, value, "loop", number) for number, value in enumerate(values)]
    takes = [from_task(items_key, values, "list"), from_task("rate", 0.5, "rate"), *items]
    out = [entry("fit-Output", IOType.ITERATOR_OUTPUT, number * 10, "fit", number) for number in range(len(values))]
    run.add("loop", type=TaskType.LOOP, takes=takes, puts=out)
    for number, value in enumerate(values):
        of = {"iteration": number}
        run.add(
            f"loop.fit-{number}",
            name="fit",
            takes=[from_group("x", value, "loop", **of), from_group("r", 0.5, "rate", **of)],
            puts=[entry("Output", IOType.ITERATOR_OUTPUT, number * 10, "fit", number)],
            **of,
        )
        run.add(f"loop.test-{number}", name="test", takes=[from_task("y", number * 10, "fit", **of)], **of)
    collected = [entry("all", IOType.COLLECTED_INPUTS, [number * 10 for number in range(len(values))], "loop")]
    run.add("best", takes=collected)
    return run


@pytest.mark.parametrize("item_key", ["pipelinechannel--list-Output-loop-item", "each"])
async def test_items_of_a_loop_lead_to_the_task_that_put_out_the_list(store: SqlStore, item_key: str) -> None:
    run = a_loop("pipelinechannel--list-Output", item_key, ["a", {"b": 1}, "c"])
    await run.keep(store)
    found = await run.walk(store, "loop.fit-1", UP)
    assert found.edges == {("list", "loop.fit-1"), ("rate", "loop.fit-1")}
    assert {edge.key for edge in found.found.graph.edges} == {"x", "r"}
    assert await run.edges(store, "list", DOWN, hops=1) >= {("list", f"loop.fit-{number}") for number in range(3)}


async def test_items_that_are_written_in_the_pipeline_lead_nowhere(store: SqlStore) -> None:
    run = a_loop("other", "pipelinechannel--loop-item-param-1", ["a", "b"])
    await run.keep(store)
    assert await run.edges(store, "loop.fit-1", UP) == {("rate", "loop.fit-1")}


async def test_tasks_of_an_iteration_take_from_those_of_the_same(store: SqlStore) -> None:
    run = a_loop("values", "each", ["a", "b", "c"])
    await run.keep(store)
    assert await run.edges(store, "loop.test-2", UP, hops=1) >= {("loop.fit-2", "loop.test-2")}
    assert ("loop.fit-1", "loop.test-2") not in await run.edges(store, "loop.test-2", UP)
    assert await run.edges(store, "loop.fit-0", DOWN) == {("loop.fit-0", "loop.test-0"), ("loop.fit-0", "best")}


async def test_collected_parameters_lead_to_all_iterations(store: SqlStore) -> None:
    run = a_loop("values", "each", ["a", "b", "c"])
    await run.keep(store)
    found = await run.walk(store, "best", UP)
    fits = {f"loop.fit-{number}" for number in range(3)}
    assert found.tasks == {"best", "list", "rate", *fits}
    assert {edge.iteration for edge in found.found.graph.edges if edge.key == "all"} == {0, 1, 2}


async def test_what_conditions_in_a_loop_leave_leads_to_the_iterations_that_ran(store: SqlStore) -> None:
    run = Run()
    # Without iterations, as KFP records what comes through a condition.
    puts = [entry("double-Output", IOType.ITERATOR_OUTPUT, value, "if") for value in (4, 6)]
    run.add("loop", type=TaskType.LOOP, puts=puts)
    for number, value in enumerate((None, 4, 6)):
        outputs = [an_output("double-Output", value, "double")] if value else []
        of: dict[str, Any] = {"iteration": number}
        run.add(f"loop.if-{number}", name="if", type=TaskType.CONDITION_BRANCH, puts=outputs, **of)
        if value:
            output = [entry("Output", IOType.ITERATOR_OUTPUT, value, "double", number)]
            run.add(f"loop.if-{number}.double", puts=output, **of)
    run.add("sum", takes=[entry("all", IOType.COLLECTED_INPUTS, [6, 4], "loop")])
    await run.keep(store)
    assert await run.edges(store, "sum", UP) == {(f"loop.if-{number}.double", "sum") for number in (1, 2)}


async def test_constants_defaults_and_final_states_are_no_data(store: SqlStore) -> None:
    run = Run()
    run.add("load", puts=[an_output("Output", 1, "load")])
    kinds = (IOType.RUNTIME_VALUE_INPUT, IOType.COMPONENT_DEFAULT_INPUT, IOType.TASK_FINAL_STATUS_OUTPUT)
    run.add("train", takes=[entry(f"k{kind}", kind, 1, "load") for kind in kinds] + [entry("n", kinds[0], 1)])
    await run.keep(store)
    assert await run.edges(store, "train", UP) == set()


async def test_inputs_that_are_not_recorded_are_those_of_the_specification(store: SqlStore) -> None:
    spec = {
        "root": {"dag": {"tasks": {"where": {}, "group": {
            "inputs": {"parameters": {"place": {"taskOutputParameter": {"producerTask": "where", "outputParameterKey": "Output"}}}},
            "componentRef": {"name": "comp-group"},
        }}}},
        "components": {"comp-group": {"dag": {"tasks": {"import": {
            "inputs": {"parameters": {"uri": {"component_input_parameter": "place"}, "metadata": {"runtimeValue": {"constant": 1}}}},
        }}}}},
    }  # fmt: skip
    run = Run()
    run.run("run", pipeline_spec=json.dumps({"pipeline_spec": spec}))
    run.add("ROOT", type=TaskType.ROOT)
    run.add("ROOT.where", puts=[an_output("Output", "s3://b", "where")])
    run.add("ROOT.group", type=TaskType.DAG, takes=[from_task("place", "s3://b", "where")])
    run.add("ROOT.group.import", type=TaskType.IMPORTER)
    await run.keep(store)
    assert await run.edges(store, "ROOT.group.import", UP) == {("ROOT.where", "ROOT.group.import")}
    assert await run.edges(store, "ROOT.where", DOWN) == {("ROOT.where", "ROOT.group.import")}


async def test_parameters_from_a_cached_task_lead_on_upstream(store: SqlStore) -> None:
    run = Run()
    run.add("load", state=TaskState.CACHED, puts=[an_output("Output", 1, "load")], takes=[from_task("n", 2, "count")])
    run.add("count", puts=[an_output("Output", 2, "count")])
    run.add("train", takes=[from_task("x", 1, "load")])
    await run.keep(store)
    up = await run.walk(store, "train", UP)
    assert (up.tasks, up.cuts) == ({"train", "load", "count"}, set())
    assert all(edge.cached for edge in up.found.graph.edges)
    down = await run.walk(store, "count", DOWN)
    assert (down.tasks, down.cuts) == ({"count", "load"}, {("load", "CACHED")})
    assert (await run.walk(store, "count", DOWN, cached=True)).tasks == {"count", "load", "train"}


async def test_runs_whose_parameters_are_too_many_leave_a_cut(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    run.add("load", puts=[an_output("Output", "x" * 300, "load")])
    run.add("train", takes=[from_task("x", "x" * 300, "load")])
    await run.keep(store)
    whole = await run.walk(store, "train", UP)
    assert (whole.tasks, whole.cuts) == ({"train", "load"}, set())
    for module, limit, value in (
        (parameter_flow, "TASKS_MAX", 1),
        (parameter_flow, "CHARACTERS_MAX", 500),
        (run_flow, "JOINS_MAX", 0),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, value)
            assert ("train", "TASKS") in (await run.walk(store, "train", UP)).cuts


async def test_many_neighbours_by_parameters_leave_a_cut(store: SqlStore) -> None:
    run = Run()
    run.add("load", puts=[an_output("Output", 1, "load")])
    for number in range(9):
        run.add(f"use-{number}", takes=[from_task("x", 1, "load")])
    await run.keep(store)
    found = await run.walk(store, "load", DOWN, fanout_limit=4)
    assert (len(found.tasks), found.cuts) == (5, {("load", "FANOUT")})
    assert (await run.walk(store, "load", DOWN, fanout_limit=9)).cuts == set()
    assert (await run.walk(store, "load", DOWN, node_limit=4)).cuts == {("load", "NODES")}
    assert (await run.walk(store, "use-1", UP, hops=1)).cuts == set()


async def test_a_run_is_read_by_one_statement_however_many_hops_there_are(store: SqlStore) -> None:
    run = Run()
    run.add("task-0", takes=[entry("n", IOType.RUNTIME_VALUE_INPUT, 1)], puts=[an_output("Output", 0, "task-0")])
    for number in range(1, 9):
        takes, puts = from_task("x", number - 1, f"task-{number - 1}"), an_output("Output", number, f"task-{number}")
        run.add(f"task-{number}", takes=[takes], puts=[puts])
    await run.keep(store)
    with statements(store) as log:
        found = await run.walk(store, "task-4", Direction.BOTH)
    assert (len(found.tasks), found.cuts) == (9, set())
    assert sum("output_parameters" in statement.text for statement in log) == 1
    assert not [statement for statement in log if "pipeline_specs" in statement.text]


@pytest.mark.parametrize("text", ["{}", "[1, null]", '[{"producer": {"taskName": 5}, "type": 77, "value": null}]'])
async def test_documents_of_any_shape_are_read(store: SqlStore, text: str) -> None:
    run = Run()
    run.run("run", pipeline_spec='{"root": {"dag": []}, "components": 5}')
    run.task("odd", input_parameters=text, output_parameters=text, type_attributes='{"iterationIndex": "x"}')
    run.task("own-parent", input_parameters=text, type=TaskType.DAG)
    run.tasks["own-parent"] = replace(run.tasks["own-parent"], parent_task_id=run.tasks["own-parent"].id)
    run.add("own-parent.lost", takes=[from_task("x", 1, "nobody"), from_group("y", 1, "nobody")])
    await run.keep(store)
    for start in run.tasks:
        assert await run.edges(store, start, Direction.BOTH) == set()
