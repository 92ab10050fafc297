"""What a true-up makes of a row and of the same row of a source that has lost something: nothing goes, what is new comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations.mlmd.write.damage import DOCUMENTS, column_changes, empties, renames
from migrations.mlmd.write.merge import merged
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row
from storage.documents.plain import compact
from storage.model import NO_ITERATION
from tests.mlmd.test_damage import EMPTIED, FAILED, ITERATIONS, ONE, PROGRESS, RAN, RENAMED

GROUPS = {"experiment_id", "pipeline_id", "pipeline_version_id"}

names = st.sampled_from("abc")
leaves = st.sampled_from([None, "", 0, 1, True, "x", [], [1, 2], {"deep": 1}])
objects = st.dictionaries(names, leaves, max_size=3)
parameters = st.lists(
    st.fixed_dictionaries(
        {"parameterKey": names}, optional={"value": leaves, "type": st.sampled_from(["OUTPUT", "ITERATOR_OUTPUT"])}
    ),
    max_size=4,
)
histories = st.lists(
    st.fixed_dictionaries({"state": st.sampled_from(["RUNNING", "FAILED"])}, optional={"updateTime": leaves}),
    max_size=4,
)
DOCUMENTS_BY_COLUMN: dict[str, tuple[Kind, st.SearchStrategy[Any]]] = {
    "metadata": (Kind.ARTIFACT, st.dictionaries(names, st.one_of(leaves, objects), max_size=3)),
    "status_metadata": (
        Kind.TASK,
        st.fixed_dictionaries({}, optional={"message": leaves, "customProperties": objects}),
    ),
    "runtime_config": (Kind.RUN, st.fixed_dictionaries({}, optional={"parameters": objects, "pipelineRoot": leaves})),
    "output_parameters": (Kind.TASK, parameters),
    "state_history": (Kind.TASK, histories),
}


def a_row(kind: Kind, **values: Any) -> Row:
    """A row of which only some columns matter."""
    return tuple(values.get(name) for name in SHAPES[kind].names)


def merged_values(kind: Kind, changed: dict[str, tuple[Any, Any]], **options: Any) -> dict[str, Any]:
    """The columns of a merged row, from what each was in the store and is in the source; merging again changes nothing."""
    stored, source = (a_row(kind, **{name: pair[side] for name, pair in changed.items()}) for side in (0, 1))
    row = merged(kind, stored, source, **options)
    assert merged(kind, row, source, **options) == row
    return {name: value for name, value in zip(SHAPES[kind].names, row, strict=True) if name in changed}


@pytest.mark.parametrize(("kind", "column", "was", "now"), EMPTIED)
def test_a_value_that_the_source_lost_stays(kind: Kind, column: str, was: Any, now: Any) -> None:
    kept = merged_values(kind, {column: (was, now)})[column]
    assert not empties(kind, {column: (was, kept)})
    assert not empties(kind, {column: (now, kept)}) or column not in DOCUMENTS


@pytest.mark.parametrize(("kind", "column"), RENAMED)
def test_a_name_and_a_place_stay(kind: Kind, column: str) -> None:
    assert merged_values(kind, {column: ("a", "b")}) == {column: "a"}


@pytest.mark.parametrize("column", sorted(GROUPS))
def test_a_run_follows_what_replaces_a_group_that_clients_deleted(column: str) -> None:
    deleted = frozenset({(column, "a")})
    assert merged_values(Kind.RUN, {column: ("a", "b")}, deleted_groups=deleted) == {column: "b"}


@pytest.mark.parametrize(("kind", "changed"), PROGRESS)
def test_progress_comes(kind: Kind, changed: dict[str, tuple[Any, Any]]) -> None:
    assert merged_values(kind, changed) == {name: now for name, (_, now) in changed.items()}


def test_what_belongs_together_stays_together() -> None:
    assert merged_values(Kind.ARTIFACT, {"uri": ("a", "b"), "uri_hash": ("h", "i")}) == {"uri": "a", "uri_hash": "h"}
    assert merged_values(Kind.ARTIFACT, {"uri": (None, "b"), "uri_hash": ("", "i")}) == {"uri": "b", "uri_hash": "i"}
    lost = {"state": (2, 0), "finished_at": (5, None), "state_history": (f"[{RAN}]", f"[{FAILED}]")}
    assert merged_values(Kind.TASK, lost) == {name: was for name, (was, _) in lost.items()}
    key = {"parent_task_id": ("p", None), "logical_key": ("k", "l")}
    assert merged_values(Kind.TASK, key) == {"parent_task_id": "p", "logical_key": "k"}
    assert merged_values(Kind.TASK, {"type": (8, 1), "parent_task_id": ("p", None)}) == {
        "type": 8,
        "parent_task_id": "p",
    }
    name = {"name": ("a", "b"), "namespace": ("n", "")}
    assert merged_values(Kind.EXPERIMENT, name) == {"name": "a", "namespace": "n"}
    metric = {"name": ("a", "b"), "number_value": (1.0, 2.0)}
    assert merged_values(Kind.ARTIFACT, metric) == {"name": "a", "number_value": 1.0}
    assert merged_values(Kind.LINK, {"iteration": (3, NO_ITERATION), "producer": ('{"iteration":"3"}', "{}")}) == {
        "iteration": 3,
        "producer": '{"iteration":"3"}',
    }


def test_an_artifact_that_gets_its_first_number_gets_its_name() -> None:
    first = {"name": ("metrics", "loss"), "number_value": (None, 0.5), "type": (1, 6)}
    assert merged_values(Kind.ARTIFACT, first) == {"name": "loss", "number_value": 0.5, "type": 6}


def test_a_row_that_keeps_its_state_keeps_what_goes_with_it() -> None:
    changed = {"state": (4, 1), "finished_at": (5, None), "updated_at": (7, 6), "display_name": ("", "d")}
    wanted = {"state": 4, "finished_at": 5, "updated_at": 7, "display_name": "d"}
    assert merged_values(Kind.TASK, changed, keeps_state=True) == wanted


def test_entries_that_only_the_store_has_come_first() -> None:
    texts = (f"[{RAN},{FAILED}]", f"[{FAILED}]")
    assert merged_values(Kind.TASK, {"state_history": texts})["state_history"] == f"[{RAN},{FAILED}]"
    both = merged_values(Kind.TASK, {"output_parameters": (ITERATIONS, ONE)})["output_parameters"]
    values = [entry["value"] for entry in json.loads(both)]
    assert values == [0, 1]


def test_the_source_wins_where_both_have_a_value() -> None:
    texts = ('{"a":1,"b":{"c":1},"d":1}', '{"b":{"c":2},"d":true}')
    assert merged_values(Kind.ARTIFACT, {"metadata": texts})["metadata"] == '{"a":1,"b":{"c":2},"d":true}'
    nested = ('{"customProperties":{"a":1,"b":2},"message":"m"}', '{"customProperties":{"b":3,"c":4}}')
    both = merged_values(Kind.TASK, {"status_metadata": nested})["status_metadata"]
    assert json.loads(both) == {"message": "m", "customProperties": {"a": 1, "b": 3, "c": 4}}


@pytest.mark.parametrize("column", DOCUMENTS_BY_COLUMN)
@given(data=st.data())
def test_a_document_loses_nothing_and_merging_again_changes_nothing(column: str, data: st.DataObject) -> None:
    kind, plain = DOCUMENTS_BY_COLUMN[column]
    texts = [compact(data.draw(plain)) for _ in range(2)]
    stored, source = (a_row(kind, **{column: text}) for text in texts)
    row = merged(kind, stored, source)
    changes = column_changes(kind, stored, row)
    assert not empties(kind, changes)
    assert not renames(kind, changes)
    assert merged(kind, row, source) == row
