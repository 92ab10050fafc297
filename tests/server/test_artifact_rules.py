"""New artifacts and links: what is refused, and which artifact is used instead of a new one. Records only, no messages."""

from dataclasses import replace
from typing import Any

import pytest

from server.errors import InvalidArgument, NotFound
from server.rules.artifacts import NewArtifact, find_equal, identity_key, keep_artifact, keep_artifacts, new_artifact
from server.rules.links import NewLink, keep_links, new_link
from server.rules.unusable import UnusableValue
from storage.documents.parameters import Producer
from storage.model import Artifact, ArtifactType, IOType, TaskHead
from tests.server.codec_messages import NOW, a_link, an_artifact
from tests.server.transactions import transaction

MODEL, METRIC = ArtifactType.Model.value, ArtifactType.Metric.value
NEW = NewArtifact(
    run_id="r1", task_id="t1", producer_key="out", name="model", type=MODEL, requested_namespace="ns", uri="s3://b/m"
)
TASK = TaskHead(id="t1", run_id="r1", namespace="", name="train")
NEW_LINK = NewLink(
    artifact_id="a1", task_id="t1", run_id="r1", type=IOType.TASK_OUTPUT_INPUT, key="in", producer=Producer("train")
)


def the_record(new: NewArtifact, artifact_id: str = "new", metadata: str | None = None) -> Artifact:
    return new_artifact(new, artifact_id=artifact_id, metadata=metadata, namespace="", now=NOW)


def with_identity(artifact: Artifact) -> Artifact:
    return replace(artifact, identity_key=identity_key(artifact))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"artifact_id": "a"}, "artifact_id must be empty"),
        ({"requested_namespace": ""}, "artifact.namespace is required"),
        ({"type": 0}, "artifact.type is required"),
        ({"name": ""}, "artifact.name is required"),
        ({"run_id": ""}, "run_id is required"),
        ({"task_id": ""}, "task_id is required"),
        ({"producer_key": ""}, "producer_key is required"),
        ({"type": METRIC}, "number_value is required"),
        ({"type": ArtifactType.ClassificationMetric.value}, "metadata is required"),
        ({"name": "x" * 129}, "artifact.name is longer than 128"),
        ({"requested_namespace": "x" * 64}, "artifact.namespace is longer than 63"),
        ({"uri": "x" * 2_049}, "artifact.uri is longer than 2048"),
        ({"producer_key": "x" * 192}, "producer_key is longer than 191"),
        ({"name": "\x00"}, "artifact.name contains a NUL"),
        ({"uri": "\x00"}, "artifact.uri contains a NUL"),
        ({"description": "\x00"}, "artifact.description contains a NUL"),
        ({"name": "", "uri": "\x00"}, "artifact.name is required"),
    ],
)
def test_a_new_artifact_is_refused_for_what_is_missing_or_too_long(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(InvalidArgument, match=error):
        NEW._replace(**changes).check()


def test_a_new_artifact_that_has_all_passes() -> None:
    for new in (NEW, NEW._replace(uri=None), NEW._replace(type=METRIC, number_value=0.0), NEW._replace(name="x" * 128)):
        new.check()
        new.check_numbers()
    NEW._replace(type=ArtifactType.SlicedClassificationMetric.value, has_metadata=True).check()


@pytest.mark.parametrize("changes", [{"type": 9}, {"number_value": float("nan")}, {"number_value": float("-inf")}])
def test_a_type_or_a_value_that_cannot_be_kept_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnusableValue, match=f"artifact.{next(iter(changes))}"):
        NEW._replace(**changes).check_numbers()


def test_only_an_artifact_that_may_be_reused_has_an_identity() -> None:
    assert the_record(NEW).identity_key is None
    record = the_record(NEW._replace(reuse_if_exists=True), metadata='{"a":1}')
    assert record.identity_key == identity_key(record)
    assert str(the_record(NEW._replace(number_value=-0.0)).number_value) == "0.0"


async def test_an_artifact_is_found_by_its_identity_before_its_uri_is_looked_at() -> None:
    wanted = the_record(NEW._replace(reuse_if_exists=True))
    older = replace(wanted, id="older", identity_key=None)
    same = replace(wanted, id="same")
    assert await find_equal(transaction(artifacts=[older, same]), wanted) == same
    assert await find_equal(transaction(artifacts=[older]), wanted) == older


async def test_an_artifact_with_the_uri_and_another_identity_is_not_equal() -> None:
    wanted = the_record(NEW._replace(reuse_if_exists=True))
    other = replace(wanted, id="other", name="another", identity_key=None)
    elsewhere = replace(wanted, id="elsewhere", namespace="there")
    assert await find_equal(transaction(artifacts=[other, elsewhere]), wanted) is None


async def test_without_a_uri_only_an_identity_makes_equal() -> None:
    wanted = the_record(NEW._replace(reuse_if_exists=True, uri=""))
    older = replace(wanted, id="older", identity_key=None)
    assert await find_equal(transaction(artifacts=[older]), wanted) is None


async def test_the_equal_artifact_is_linked_instead_of_a_new_one() -> None:
    new = NEW._replace(reuse_if_exists=True)
    there = replace(the_record(new), id="there")
    tx = transaction(tasks=[TASK], artifacts=[there])
    assert await keep_artifact(tx, new, the_record(new)) == there
    assert tx.artifacts.rows == [there]
    assert [(link.artifact_id, link.task_id, link.key) for link in tx.artifact_tasks.rows] == [("there", "t1", "out")]


async def test_an_equal_artifact_is_not_looked_for_unless_asked() -> None:
    there = with_identity(the_record(NEW, "there"))
    tx = transaction(tasks=[TASK], artifacts=[there])
    kept = await keep_artifact(tx, NEW._replace(iteration=3), the_record(NEW))
    assert [row.id for row in tx.artifacts.rows] == ["there", "new"]
    assert [(link.artifact_id, link.type, link.iteration) for link in tx.artifact_tasks.rows] == [
        (kept.id, IOType.ITERATOR_OUTPUT, 3)
    ]


async def test_many_artifacts_are_kept_and_linked_in_their_order() -> None:
    news = [NEW._replace(producer_key=key) for key in ("b", "a")]
    tx = transaction(tasks=[TASK])
    await keep_artifacts(tx, news, [the_record(new, new.producer_key) for new in news])
    assert [(link.artifact_id, link.key) for link in tx.artifact_tasks.rows] == [("b", "b"), ("a", "a")]


async def test_an_artifact_needs_a_task_of_its_run_and_in_bulk_no_reuse() -> None:
    tx = transaction(tasks=[TASK])
    with pytest.raises(NotFound, match="task 'nowhere' not found"):
        await keep_artifact(tx, NEW._replace(task_id="nowhere"), the_record(NEW))
    with pytest.raises(InvalidArgument, match="'t1' is not of run 'r2'"):
        await keep_artifact(tx, NEW._replace(run_id="r2"), the_record(NEW))
    with pytest.raises(InvalidArgument, match="reuse_if_exists is not allowed"):
        await keep_artifacts(tx, [NEW, NEW._replace(reuse_if_exists=True)], [the_record(NEW)] * 2)
    assert tx.artifacts.rows == tx.artifact_tasks.rows == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"artifact_id": ""}, "artifact_id is required"),
        ({"task_id": ""}, "task_id is required"),
        ({"run_id": ""}, "run_id is required"),
        ({"type": 0}, "type is required"),
        ({"producer": None}, "producer is required"),
        ({"key": ""}, "key is required"),
        ({"key": "x" * 192}, "key is longer than 191"),
        ({"key": "\x00"}, "key contains a NUL"),
        ({"producer": Producer("\x00")}, "producer.task_name contains a NUL"),
        ({"producer": None, "key": ""}, "producer is required"),
    ],
)
def test_a_new_link_is_refused_for_what_is_missing_or_too_long(changes: dict[str, Any], error: str) -> None:
    NEW_LINK._replace(producer=Producer()).check()
    with pytest.raises(InvalidArgument, match=error):
        NEW_LINK._replace(**changes).check()


def test_the_iteration_of_a_new_link_is_in_its_column() -> None:
    assert new_link(NEW_LINK._replace(producer=Producer("train", 2)), link_id="l1").iteration == 2
    assert new_link(NEW_LINK, link_id="l1").iteration == -1
    with pytest.raises(UnusableValue, match=r"artifact_task\.type has the unknown enum value 12"):
        new_link(NEW_LINK._replace(type=12), link_id="l1")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"task_id": "nowhere"}, "task 'nowhere' not found"),
        ({"artifact_id": "nowhere"}, "artifact 'nowhere' not found"),
        ({"run_id": "r2"}, "'t1' is not of run 'r2'"),
        ({"task_id": "t2", "run_id": "r2"}, "must be of one run"),
    ],
)
async def test_links_need_tasks_and_artifacts_that_are_there_and_one_run(changes: dict[str, Any], error: str) -> None:
    tx = transaction(tasks=[TASK, TaskHead("t2", "r2", "", "other")], artifacts=[an_artifact()])
    with pytest.raises((InvalidArgument, NotFound), match=error):
        await keep_links(tx, [a_link(), a_link(**changes)])
    assert tx.artifact_tasks.rows == []
    assert list(await keep_links(tx, [a_link()])) == [a_link()]
