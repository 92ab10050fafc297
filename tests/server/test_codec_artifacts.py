"""Artifacts and links: kept as sent, found again by their digests."""

import json
from dataclasses import replace
from hashlib import sha256
from struct import pack
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from lineal.v2beta1 import artifact_pb2

from server.apis.kfp import codec
from server.apis.kfp.codec import (
    UnusableValue,
    artifact_task_message,
    metadata_text,
)
from server.rules.artifacts import identity_key, new_artifact
from server.rules.links import new_link, output_link
from storage.digests import uri_hash
from storage.model import Artifact, ArtifactTask, TaskHead
from tests.server.codec_messages import ARTIFACT, LINK, NOW, a_link, an_artifact, artifact_message, wire

PLAIN = Artifact(id="a1", type=3, uri="s3://b/é", name="n", description="d", created_at=NOW, updated_at=NOW)


@given(ARTIFACT)
def test_an_artifact_reads_back_as_it_was_sent(sent: artifact_pb2.Artifact) -> None:
    expected = artifact_pb2.Artifact.FromString(wire(sent))
    expected.artifact_id = "a1"
    expected.created_at.FromMicroseconds(NOW)
    assert wire(artifact_message(created(sent))) == wire(expected)


@given(ARTIFACT)
def test_stored_metadata_is_what_protobuf_writes(sent: artifact_pb2.Artifact) -> None:
    stored = json.loads(created(sent).metadata or "null")
    assert stored == json_format.MessageToDict(sent).get("metadata")
    assert list(stored or {}) == sorted(stored or {})


@given(LINK)
def test_a_link_reads_back_as_it_was_sent(sent: artifact_pb2.ArtifactTask) -> None:
    expected = artifact_pb2.ArtifactTask.FromString(wire(sent))
    expected.id = "l1"
    expected.producer.SetInParent()
    assert wire(artifact_task_message(linked(sent))) == wire(expected)


def test_an_empty_uri_is_kept_apart_from_none() -> None:
    empty, none = created(artifact_pb2.Artifact(uri="")), created(artifact_pb2.Artifact())
    assert (empty.uri, none.uri) == ("", None)
    assert artifact_message(empty).HasField("uri")
    assert not artifact_message(none).HasField("uri")


def test_the_namespace_and_time_are_those_the_server_gives() -> None:
    sent = json_format.ParseDict(
        {"namespace": "sent", "artifact_id": "sent", "created_at": "2024-01-01T00:00:00Z"}, artifact_pb2.Artifact()
    )
    record = created(sent)
    assert (record.id, record.namespace, record.created_at, record.updated_at) == ("a1", "", NOW, NOW)


@pytest.mark.parametrize("metadata", [None, "null", "{}", "[]", ""])
def test_absent_metadata_is_read_alike(metadata: str | None) -> None:
    assert wire(artifact_message(an_artifact(metadata=metadata))) == wire(artifact_message(an_artifact()))


@pytest.mark.parametrize(("iteration", "type", "producer"), [(None, 9, {}), (0, 8, {"iteration": "0"})])
def test_the_link_of_an_output_names_its_task_and_iteration(iteration: int | None, type: int, producer: Any) -> None:
    task = TaskHead(id="t1", run_id="r1", namespace="", name="train")
    link = output_link(task, "a1", link_id="l1", key="out", iteration=iteration)
    assert (link.type, link.key, link.iteration) == (type, "out", -1 if iteration is None else iteration)
    assert json.loads(link.producer) == {"taskName": "train"} | producer


def test_the_iteration_of_the_column_wins() -> None:
    link = a_link(producer='{"taskName":"p","iteration":"1"}', iteration=5)
    assert artifact_task_message(link).producer.iteration == 5


@pytest.mark.parametrize("producer", ["", "null"])
def test_a_stored_link_without_producer_shows_none(producer: str) -> None:
    assert not artifact_task_message(a_link(producer=producer)).HasField("producer")
    assert artifact_task_message(a_link(producer=producer, iteration=2)).producer.iteration == 2


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"metadata": {"a": ["\x00"]}}, "artifact.metadata"),
        ({"type": 9}, "artifact.type"),
        ({"number_value": "NaN"}, "artifact.number_value"),
        ({"number_value": "-Infinity"}, "artifact.number_value"),
    ],
)
def test_an_artifact_that_cannot_be_kept_is_refused_with_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UnusableValue, match=named):
        created(json_format.ParseDict(fields, artifact_pb2.Artifact()))


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"type": 12}, "type"), ({"producer": {"task_name": "\x00"}}, "producer")],
)
def test_a_link_that_cannot_be_kept_is_refused_with_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UnusableValue, match=f"artifact_task.{named}"):
        linked(json_format.ParseDict(fields, artifact_pb2.ArtifactTask()))


def test_a_uri_is_hashed_and_no_uri_has_no_hash() -> None:
    assert uri_hash("s3://b/é") == sha256("s3://b/é".encode()).hexdigest()
    assert uri_hash("") == uri_hash(None) == ""


def test_the_identity_is_the_digest_that_kfp_computes() -> None:
    metadata = '{"b":[1.0,0.5,1e-7,1e-6,1e20,1e21,-0.0,null],"a":"<&>\\u2028\\n","é":true}'
    written = (
        '{"a":"\\u003c\\u0026\\u003e\\u2028\\n","b":[1,0.5,1e-7,0.000001,100000000000000000000,1e+21,-0,null],"é":true}'
    )
    parts = [b"s3://b/\xc3\xa9", b"n", b"d", written.encode()]
    hashed = pack(">i", 3) + b"".join(pack(">I", len(part)) + part for part in parts)
    assert identity_key(replace(PLAIN, metadata=metadata)) == sha256(hashed).hexdigest()


def test_no_metadata_and_no_uri_are_the_same_as_empty_ones() -> None:
    assert identity_key(PLAIN) == identity_key(replace(PLAIN, metadata="{}"))
    assert identity_key(replace(PLAIN, uri=None)) == identity_key(replace(PLAIN, uri=""))


@pytest.mark.parametrize("changed", [{"type": 2}, {"uri": "x"}, {"name": "x"}, {"description": "x"}])
def test_each_part_of_an_identity_counts(changed: dict[str, Any]) -> None:
    assert identity_key(replace(PLAIN, **changed)) != identity_key(PLAIN)


def test_the_number_counts_for_the_identity_of_a_metric_only() -> None:
    def identity(type: int, number: float | None) -> str:
        return identity_key(replace(PLAIN, type=type, number_value=number))

    assert len({identity(6, 0.5), identity(6, 0.0), identity(6, None)}) == 3
    assert identity(6, 0.0) == identity(6, -0.0)
    assert identity(3, 0.5) == identity(3, None)


def created(sent: artifact_pb2.Artifact) -> Artifact:
    """The record that CreateArtifact makes of a message."""
    new = codec.new_artifact(artifact_pb2.CreateArtifactRequest(artifact=sent))
    new.check_numbers()
    return new_artifact(new, artifact_id="a1", metadata=metadata_text(sent), namespace="", now=NOW)


def linked(sent: artifact_pb2.ArtifactTask) -> ArtifactTask:
    """The record that CreateArtifactTask makes of a message."""
    return new_link(codec.new_link(sent), link_id="l1")
