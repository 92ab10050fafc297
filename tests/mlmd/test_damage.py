"""Which changes of a row take something from it, and which are the progress of a source that is in use."""

from typing import Any

import pytest

from migrations.mlmd.write.damage import damage_words, empties, renames
from migrations.mlmd.write.row_kinds import SHAPES, Kind
from migrations.mlmd.write.tally import Outcome, Tally
from storage.model import NO_ITERATION

ONE = '[{"value":1,"type":"OUTPUT","parameterKey":"a","producer":{"taskName":"t"}}]'
ONE_OTHER = '[{"value":2,"type":"ONE_OF_OUTPUT","parameterKey":"a","producer":{"taskName":"u"}}]'
ONE_WITHOUT_VALUE = '[{"value":"","type":"OUTPUT","parameterKey":"a","producer":{"taskName":"t"}}]'
ONE_WITHOUT_PRODUCER = '[{"value":1,"type":"OUTPUT","parameterKey":"a"}]'
ITERATIONS = '[{"value":0,"type":"ITERATOR_OUTPUT","parameterKey":"a"},{"value":false,"parameterKey":"a"}]'
RAN, FAILED = (
    '{"updateTime":"2024-01-01T00:00:00Z","state":"RUNNING"}',
    '{"updateTime":"2024-01-02T00:00:00Z","state":"FAILED"}',
)

EMPTIED: list[tuple[Kind, str, Any, Any]] = [
    (Kind.TASK, "input_parameters", ONE, None),
    (Kind.TASK, "output_parameters", ONE, ONE.replace('"a"', '"b"')),
    (Kind.TASK, "output_parameters", ITERATIONS, ONE),
    (Kind.TASK, "output_parameters", ONE, ONE_WITHOUT_VALUE),
    (Kind.TASK, "output_parameters", ONE, ONE_WITHOUT_PRODUCER),
    (Kind.TASK, "parent_task_id", "p", None),
    (Kind.TASK, "namespace", "n", ""),
    (Kind.TASK, "state", 2, 0),
    (Kind.TASK, "finished_at", 5, None),
    (Kind.TASK, "cache_fingerprint", "f", ""),
    (Kind.TASK, "state_history", f"[{RAN},{FAILED}]", f"[{RAN}]"),
    (Kind.TASK, "pods", '[{"name":"p","uid":"u","type":"EXECUTOR"}]', '[{"name":"p","type":"EXECUTOR"}]'),
    (Kind.TASK, "status_metadata", '{"customProperties":{"a":1,"b":2}}', '{"customProperties":{"a":1}}'),
    (Kind.TASK, "type_attributes", '{"iterationIndex":"0"}', None),
    (Kind.RUN, "state", "FAILED", "RUNTIME_STATE_UNSPECIFIED"),
    (Kind.RUN, "experiment_id", "e", ""),
    (Kind.RUN, "pipeline_spec_id", "s", None),
    (Kind.RUN, "state_history", f"[{RAN}]", "[]"),
    (Kind.RUN, "runtime_config", '{"parameters":{"a":1,"b":2}}', '{"parameters":{"a":1}}'),
    (Kind.ARTIFACT, "metadata", '{"a":1,"b":2}', '{"a":1}'),
    (Kind.ARTIFACT, "metadata", '{"a":{"b":1}}', '{"a":{}}'),
    (Kind.ARTIFACT, "type", 3, 1),
    (Kind.ARTIFACT, "uri", "s3://a", None),
    (Kind.ARTIFACT, "number_value", 0.5, None),
    (Kind.LINK, "producer", '{"taskName":"t"}', "{}"),
    (Kind.LINK, "iteration", 0, NO_ITERATION),
    (Kind.EXPERIMENT, "description", "d", ""),
]
RENAMED = [
    (Kind.RUN, "display_name"),
    (Kind.RUN, "experiment_id"),
    (Kind.TASK, "parent_task_id"),
    (Kind.TASK, "name"),
    (Kind.TASK, "display_name"),
    (Kind.TASK, "scope_path"),
    (Kind.TASK, "namespace"),
    (Kind.ARTIFACT, "uri"),
    (Kind.ARTIFACT, "name"),
    (Kind.LINK, "artifact_id"),
    (Kind.LINK, "key"),
    (Kind.EXPERIMENT, "name"),
    (Kind.VERSION, "pipeline_id"),
]
PROGRESS: list[tuple[Kind, dict[str, tuple[Any, Any]]]] = [
    (Kind.TASK, {"state": (1, 2), "finished_at": (None, 5), "state_history": (f"[{RAN}]", f"[{RAN},{FAILED}]")}),
    # Tried again.
    (Kind.TASK, {"state": (4, 1), "finished_at": (5, None), "state_history": (f"[{RAN},{FAILED}]", f"[{RAN}]")}),
    (Kind.TASK, {"state": (2, 4), "cache_fingerprint": ("f", "")}),
    (Kind.TASK, {"output_parameters": (ONE, ONE_OTHER)}),
    (Kind.TASK, {"output_parameters": (ONE, ONE[:-1] + "," + ITERATIONS[1:])}),
    (Kind.TASK, {"input_parameters": (None, ONE)}),
    (Kind.TASK, {"input_parameters": (ONE_WITHOUT_VALUE, ONE)}),
    (Kind.TASK, {"parent_task_id": (None, "p"), "display_name": ("", "d"), "logical_key": ("k", None)}),
    (Kind.TASK, {"created_at": (1, 2), "updated_at": (1, 2), "type": (8, 5)}),
    (Kind.RUN, {"state": ("RUNNING", "SUCCEEDED"), "storage_state": ("AVAILABLE", "ARCHIVED")}),
    (Kind.RUN, {"pipeline_spec_id": ("a", "b"), "description": ("a", "b")}),
    (Kind.ARTIFACT, {"metadata": ('{"a":{"b":1},"c":[1,2]}', '{"a":{"d":0},"c":[3],"e":1}')}),
    (Kind.ARTIFACT, {"metadata": ('{"_mlmd_state":"PENDING"}', None), "uri": (None, "u"), "uri_hash": ("", "h")}),
    (Kind.ARTIFACT, {"number_value": (0.5, 0.0), "name": ("", "n")}),
    (Kind.LINK, {"producer": ('{"taskName":"t"}', '{"taskName":"u","iteration":"1"}'), "type": (3, 2)}),
]


@pytest.mark.parametrize(("kind", "column", "was", "now"), EMPTIED)
def test_a_row_that_loses_a_value_is_emptied(kind: Kind, column: str, was: Any, now: Any) -> None:
    assert column in SHAPES[kind].names
    assert empties(kind, {column: (was, now)})
    assert not renames(kind, {column: (was, now)})


@pytest.mark.parametrize(("kind", "column"), RENAMED)
def test_a_row_with_another_name_or_place_is_renamed(kind: Kind, column: str) -> None:
    assert column in SHAPES[kind].names
    assert renames(kind, {column: ("a", "b")})
    assert not empties(kind, {column: ("a", "b")})


@pytest.mark.parametrize(("kind", "changed"), PROGRESS)
def test_progress_is_neither(kind: Kind, changed: dict[str, tuple[Any, Any]]) -> None:
    assert changed.keys() <= set(SHAPES[kind].names)
    assert not empties(kind, changed)
    assert not renames(kind, changed)


def test_damage_is_told_by_what_would_be_done_and_by_kind() -> None:
    tally = Tally()
    assert damage_words(tally) == ""
    tally.add(Kind.TASK, Outcome.UPDATED, "abc")
    assert damage_words(tally) == ""
    tally.add(Kind.LINK, Outcome.REMOVED, "ab")
    tally.add(Kind.TASK, Outcome.EMPTIED, "abc")
    assert damage_words(tally) == "remove 2 artifact_tasks and empty 3 tasks"
    tally.add(Kind.RUN, Outcome.EMPTIED, "a")
    tally.add(Kind.TASK, Outcome.RENAMED, "a")
    assert damage_words(tally) == "remove 2 artifact_tasks, empty 1 runs and 3 tasks, and rename or move 1 tasks"
