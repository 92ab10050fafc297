"""New runs: what is refused, what the server adds, and what a run takes from its version. Records only, no messages."""

from dataclasses import replace
from typing import Any

import pytest

from server.errors import InvalidArgument, NotFound
from server.rules.new_runs import (
    NewRun,
    RunStart,
    VersionReference,
    check_plugin_count,
    keep_run,
    known_before,
    new_run,
    plugins_input_text,
    version_of,
    with_version,
)
from server.rules.unusable import UnusableValue
from storage.errors import AlreadyExists
from storage.model import Experiment, PipelineVersion, Run
from tests.server.codec_messages import NOW
from tests.server.transactions import transaction

NEW = NewRun(display_name="nightly")
NOTHING = RunStart()
EXPERIMENT = Experiment(id="e1", name="E", created_at=NOW, namespace="its own")
VERSION = PipelineVersion(id="v1", pipeline_id="p1", name="V", created_at=NOW, pipeline_spec='{"root":{}}')


def the_record(new: NewRun = NEW, start: RunStart = NOTHING) -> Run:
    return new_run(new, start, run_id="new", service_account="runner", now=NOW)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"display_name": ""}, "run.display_name is required"),
        ({"has_plugins_output": True}, "run.plugins_output is for the server"),
        ({"display_name": "x" * 1_025}, "run.display_name is longer than 1024 characters"),
        ({"run_id": "é" * 96}, "run.run_id is longer than 191 bytes"),
        ({"recurring_run_id": "x" * 192}, "run.recurring_run_id is longer than 191 bytes"),
        ({"service_account": "x" * 256}, "run.service_account is longer than 255 characters"),
        ({"description": "\x00"}, "run.description contains a NUL"),
        ({"storage_state": 3}, "run.storage_state has the unknown enum value 3"),
        ({"experiment_id": "\x00"}, "run.experiment_id contains a NUL"),
        ({"pipeline_version_id": "\x00"}, "run.pipeline_version_id contains a NUL"),
        ({"version_reference": VersionReference("\x00")}, "run.pipeline_version_reference.pipeline_id contains a NUL"),
        ({"version_reference": VersionReference("", "\x00")}, "reference.pipeline_version_id contains a NUL"),
        ({"display_name": "", "run_id": "x" * 192}, "run.display_name is required"),
        ({"storage_state": 3, "experiment_id": "\x00"}, "run.storage_state has the unknown"),
    ],
)
def test_a_new_run_is_refused_for_what_is_missing_or_too_long(changes: dict[str, Any], error: str) -> None:
    with pytest.raises((InvalidArgument, UnusableValue), match=error):
        NEW._replace(**changes).check()


def test_a_new_run_with_texts_at_their_limits_passes() -> None:
    NEW._replace(run_id="é" * 95, display_name="é" * 1_024, service_account="é" * 255, storage_state=2).check()


def test_an_experiment_whose_id_cannot_be_one_is_not_found() -> None:
    with pytest.raises(NotFound, match="experiment"):
        NEW._replace(experiment_id="x" * 192).check()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pipeline_version_id": ""}, "names neither"),
        ({"version_reference": VersionReference()}, "names neither"),
        ({"version_reference": VersionReference("x" * 192)}, "run.pipeline_version_reference is longer than 191 bytes"),
        ({"pipeline_version_id": "x" * 192}, "run.pipeline_version_reference is longer than 191 bytes"),
    ],
)
def test_a_version_needs_an_id_that_can_be_one(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(InvalidArgument, match=error):
        NEW._replace(**changes).check_version()


def test_no_version_or_one_id_is_enough() -> None:
    for new in (NEW, NEW._replace(pipeline_version_id="v"), NEW._replace(version_reference=VersionReference("p"))):
        new.check_version()


def test_a_new_run_gets_what_it_does_not_bring() -> None:
    run = the_record()
    assert (run.state, run.storage_state, run.service_account) == ("PENDING", "AVAILABLE", "runner")
    assert run.scheduled_at == run.created_at == run.updated_at == NOW
    assert '"state":"PENDING"' in run.state_history
    assert run.id == "new"
    brought = the_record(NEW._replace(run_id="r", service_account="s", storage_state=2), RunStart(1, 2))
    assert (brought.id, brought.service_account, brought.storage_state) == ("r", "s", "ARCHIVED")
    assert (brought.scheduled_at, brought.finished_at) == (1, 2)


def test_runs_of_a_recurring_run_share_an_id_only_with_their_name() -> None:
    first = the_record(NEW._replace(recurring_run_id="a"))
    assert the_record(NEW._replace(recurring_run_id="a")).id == first.id
    others = [NewRun(display_name="x", recurring_run_id="a"), NewRun(display_name="lynightly", recurring_run_id="ab")]
    assert first.id not in {the_record(other).id for other in others}


async def test_a_run_without_an_experiment_is_kept_in_the_default_one_of_the_namespace() -> None:
    tx = transaction()
    kept = await keep_run(tx, the_record(), namespace="here")
    [default] = tx.experiments.rows
    assert (default.name, default.namespace, default.created_at) == ("Default", "here", NOW)
    assert (kept.experiment_id, kept.namespace) == (default.id, "here")
    assert tx.runs.rows == [kept]


async def test_a_run_is_in_the_namespace_of_its_experiment() -> None:
    tx = transaction(experiments=[EXPERIMENT])
    kept = await keep_run(tx, the_record(NEW._replace(experiment_id="e1")), namespace="here")
    assert (kept.experiment_id, kept.namespace) == ("e1", "its own")
    assert [experiment.id for experiment in tx.experiments.rows] == ["e1"]


@pytest.mark.parametrize("version", [("", "v1"), ("p1", "v1"), ("p1", "")])
async def test_a_run_owns_a_copy_of_its_version(version: tuple[str, str]) -> None:
    tx = transaction(versions=[replace(VERSION, id="v0"), VERSION])
    run = the_record(NEW._replace(version_reference=VersionReference(*version)))
    kept = await keep_run(tx, with_version(run, await version_of(tx, run)), namespace="")
    assert (kept.pipeline_id, kept.pipeline_version_id, kept.pipeline_spec) == ("p1", "v1", '{"root":{}}')
    assert tx.runs.rows == [kept]


async def test_a_version_of_another_pipeline_or_none_at_all_is_refused() -> None:
    tx = transaction(versions=[VERSION])
    other = the_record(NEW._replace(version_reference=VersionReference("p2", "v1")))
    with pytest.raises(InvalidArgument, match="version 'v1' is not of pipeline 'p2'"):
        await version_of(tx, other)
    none = the_record(NEW._replace(version_reference=VersionReference("p2")))
    with pytest.raises(NotFound, match="'p2' has no version"):
        await version_of(tx, none)


async def test_the_run_that_a_recurring_run_made_before_is_returned() -> None:
    tx = transaction()
    first = await keep_run(tx, the_record(NEW._replace(recurring_run_id="a")), namespace="")
    again = the_record(NEW._replace(recurring_run_id="a", description="again"))
    assert await keep_run(tx, again, namespace="") == first
    assert await keep_run(tx, replace(again, id="another"), namespace="") == first
    assert await known_before(tx, again) == first
    assert await known_before(tx, the_record()) is None
    assert tx.runs.rows == [first]
    with pytest.raises(AlreadyExists):
        await keep_run(tx, the_record(NEW._replace(run_id=first.id)), namespace="")


def test_plugins_are_limited_in_number_depth_and_size() -> None:
    check_plugin_count(32)
    with pytest.raises(UnusableValue, match="more than 32 plugins"):
        check_plugin_count(33)
    with pytest.raises(UnusableValue, match="larger than 65536 bytes"):
        plugins_input_text({"p": {"text": "x" * 64 * 1024}})
    nested: dict[str, Any] = {}
    for _ in range(16):
        nested = {"a": nested}
    with pytest.raises(UnusableValue, match="nested more than 16 levels"):
        plugins_input_text({"p": nested})
    assert plugins_input_text({"b": {}, "a": {"k": [1]}}) == '{"a":{"k":[1]},"b":{}}'
