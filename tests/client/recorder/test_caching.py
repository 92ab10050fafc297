"""Caching: an equal task that succeeded before is found, and its outputs are taken over."""

import contextlib
from pathlib import Path
from typing import Any

import lineal
import pytest

from tests.api.builders import unique
from tests.client.recorder.recorded import Recorder, artifacts, links, parameters
from tests.databases.private import free_port

pytestmark = pytest.mark.one_database


def split(run: lineal.Run, key: str, **changes: Any) -> lineal.Task:
    """Record a task that makes outputs unless they are cached, and return it."""
    arguments: dict[str, Any] = {"inputs": {"share": 0.8}, "uses": ["s3://b/mails"], "cache_key": key} | changes
    with run.task(arguments.pop("name", "split"), **arguments) as task:
        if not task.cached:
            task.output("rows", 123)
            task.log_artifact("train", "s3://b/train", type="Dataset", metadata={"rows": 99})
            task.log_metric("balance", 0.5)
    return task


def test_an_equal_task_takes_over_the_outputs(recorder: Recorder) -> None:
    key = unique()
    with recorder.run() as first:
        made = split(first, key)
    with recorder.run() as second:
        reused = split(second, key)
    assert (made.cached, reused.cached) == (False, True)
    recorded, before = recorder.read(second), recorder.read(first).task("split")
    task = recorded.task("split")
    assert (recorded.states()["split"], recorded.state) == ("CACHED", "SUCCEEDED")
    assert parameters(task.outputs) == {"rows": 123}
    assert artifacts(task.outputs) == artifacts(before.outputs)
    assert links(task.outputs) == {"train": ("OUTPUT", "split"), "balance": ("OUTPUT", "split")}
    assert task.cache_fingerprint == before.cache_fingerprint != ""


def test_what_was_taken_over_is_in_the_outputs_and_can_be_used(recorder: Recorder) -> None:
    key = unique()
    with recorder.run() as first:
        split(first, key)
    with recorder.run() as run:
        outputs = split(run, key).outputs
        with run.task("fit", uses=[outputs["train"]]):
            pass
    train, balance = outputs["train"], outputs["balance"]
    assert (outputs["rows"], train.uri, train.metadata, balance.number) == (123, "s3://b/train", {"rows": 99}, 0.5)
    assert links(recorder.read(run).task("fit").inputs) == {"train": ("TASK_OUTPUT_INPUT", "split")}


def test_an_equal_task_of_the_same_run_is_found_at_once(recorder: Recorder) -> None:
    key = unique()
    with recorder.run() as run:
        assert [split(run, key).cached, split(run, key).cached] == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "split-again"},
        {"inputs": {"share": 0.9}},
        {"uses": ["s3://b/others"]},
        {"uses": {"mails": "s3://b/others"}},
        {"version": "2"},
        {"cache_key": "another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_task_that_differs_is_another_one(recorder: Recorder, change: dict[str, Any]) -> None:
    key = unique()
    with recorder.run() as run:
        split(run, key)
        assert not split(run, key, **({"cache_key": key} | change)).cached


def test_a_task_that_failed_is_not_reused(recorder: Recorder) -> None:
    key = unique()
    with recorder.run() as run:
        with pytest.raises(OSError, match="disk"), run.task("split", cache_key=key):
            raise OSError("disk")
        with run.task("split", cache_key=key) as task:
            assert not task.cached


def test_only_tasks_with_a_key_or_a_version_are_reused(recorder: Recorder) -> None:
    name = f"split-{unique()}"[:40]
    with recorder.run() as run:
        for _ in range(2):
            with run.task(name, inputs={"share": 1}) as task:
                assert not task.cached
    assert {task.cache_fingerprint for task in recorder.read(run).all(name)} == {""}


def test_artifacts_are_compared_by_their_digest_where_they_have_one(recorder: Recorder, tmp_path: Path) -> None:
    key, cached = unique(), []
    for name, content in (("a", "same"), ("b", "same"), ("c", "other")):
        file = tmp_path / name
        file.write_text(content)
        with recorder.run() as run, run.task("read") as read:
            table = read.log_file(file, "table")
            with run.task("split", uses=[table], cache_key=key) as task:
                cached.append(task.cached)
    assert cached == [False, True, False]


def test_a_cached_task_in_an_iteration_has_outputs_of_the_iteration(recorder: Recorder) -> None:
    key = unique()
    with recorder.run() as first:
        split(first, key)
    with recorder.run() as run, run.loop("tune", [1]) as loop:
        for _ in loop:
            split(run, key)
    recorded = recorder.read(run)
    assert {group.producer.iteration for group in recorded.task("split").outputs.artifacts} == {0}
    assert links(recorded.task("split").outputs)["train"] == ("ITERATOR_OUTPUT", "split")
    assert recorded.states()["tune"] == "CACHED"


def test_a_cached_task_that_fails_after_all_is_failed(recorder: Recorder) -> None:
    key = unique()
    with recorder.run() as run:
        split(run, key)
        task = run.task("split", inputs={"share": 0.8}, uses=["s3://b/mails"], cache_key=key)
        with contextlib.suppress(OSError), task:
            raise OSError("disk")
    assert task.cached
    assert recorder.read(run).state == "FAILED"


@pytest.mark.slow
def test_without_a_server_nothing_is_found_and_the_task_is_recorded(tmp_path: Path) -> None:
    with lineal.run("churn", server=f"127.0.0.1:{free_port()}", spool_dir=str(tmp_path), spool_seconds=0) as run:
        assert not split(run, unique()).cached
