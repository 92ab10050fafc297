"""Keys that lists filter and sort by, and the sort text."""

import pytest

from storage.errors import InvalidFilter, InvalidOrder
from storage.fields import (
    ARTIFACT_LIST,
    ARTIFACT_TASK_LIST,
    EXPERIMENT_LIST,
    RUN_LIST,
    RUNS,
    TASK_LIST,
    TASKS,
    FieldKind,
    Listable,
)
from storage.filters import Order, parse_filter, parse_order
from storage.model import Artifact, ArtifactTask, Experiment, Run, Task
from tests.storage.filter_texts import filter_text, predicate

LISTS = {
    Task: TASK_LIST,
    Artifact: ARTIFACT_LIST,
    ArtifactTask: ARTIFACT_TASK_LIST,
    Run: RUN_LIST,
    Experiment: EXPERIMENT_LIST,
}


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_a_blank_sort_is_the_default(text):
    for each in LISTS.values():
        assert parse_order(text, each.fields, each.default_order) is each.default_order


@pytest.mark.parametrize("listable", LISTS.values(), ids=[each.__name__ for each in LISTS])
def test_every_key_sorts_both_ways_but_state_of_tasks(listable):
    for key, field in listable.fields.items():
        if (listable, key) == (TASK_LIST, "state"):
            continue
        assert parse_order(key, listable.fields, listable.default_order).field.column == field.column
        assert not parse_order(f"  {key.upper()}   ASC ", listable.fields, listable.default_order).descending
        assert parse_order(f"{key} dEsC", listable.fields, listable.default_order).descending


@pytest.mark.parametrize(
    "text",
    [
        "nope",
        "name sideways",
        "name asc extra",
        "namespace",
        "state",
        "state desc",
        "name,asc",
        "name desc,create_time",
        "desc",
        "metric:accuracy",
        "name asc desc",
        "created_at",
        "\0",
        "n" * 100_000,
        "\ud800",
    ],
)
def test_a_sort_by_no_key_or_in_no_direction_is_refused(text):
    with pytest.raises(InvalidOrder) as raised:
        parse_order(text, TASKS, TASK_LIST.default_order)
    assert len(str(raised.value).encode()) < 160


def test_sort_keys_of_one_column_are_one_order():
    assert parse_order("name desc", RUNS, RUN_LIST.default_order) == Order(RUNS["display_name"], descending=True)


def test_runs_may_be_sorted_by_a_metric_but_not_filtered():
    assert parse_order("metric:accuracy desc", RUNS, RUN_LIST.default_order) == Order(RUNS["run_id"], descending=True)
    with pytest.raises(InvalidOrder):
        parse_order("metric:", RUNS, RUN_LIST.default_order)
    with pytest.raises(InvalidFilter):
        parse_filter(filter_text(predicate("EQUALS", "metric:accuracy", string_value="1")), RUNS)


KEYS = {
    Task: "name display_name task_id run_id pods cache_fingerprint create_time start_time end_time status state"
    " status_metadata state_history type type_attributes parent_task_id inputs outputs scope_path",
    Artifact: "artifact_id id namespace type uri name description created_at last_update metadata number_value",
    ArtifactTask: "id artifact_id task_id run_id type producer key",
    Run: "run_id id display_name name created_at finished_at description scheduled_at storage_state status namespace"
    " experiment_id state state_history runtime_details recurring_run_id pipeline_id pipeline_version_id",
    Experiment: "id experiment_id name display_name created_at last_run_created_at description namespace storage_state",
}


@pytest.mark.parametrize("record", LISTS, ids=[each.__name__ for each in LISTS])
def test_a_list_has_the_keys_of_the_wire_and_columns_of_its_record(record):
    listable: Listable = LISTS[record]
    assert set(listable.fields) == set(KEYS[record].split())
    columns = record.__dataclass_fields__
    for key, field in listable.fields.items():
        assert field.key == key
        assert field.column in columns
        assert field.nullable == ("None" in str(columns[field.column].type))
        assert field.digest_column is None or field.digest_column in columns
        assert (field.enum is not None) == (field.kind in (FieldKind.NUMBERED_ENUM, FieldKind.NAMED_ENUM))
        assert field.long or field.kind is not FieldKind.JSON


def test_lists_start_with_the_oldest_and_links_by_id():
    columns = {record.__name__: each.default_order.field.column for record, each in LISTS.items()}
    assert columns == {"Task": "created_at", "Artifact": "created_at", "ArtifactTask": "id"} | {
        "Run": "created_at",
        "Experiment": "created_at",
    }
    assert not any(each.default_order.descending for each in LISTS.values())
