"""Artifacts: types, names, metadata, metrics, copies in other namespaces."""

import json
from hashlib import sha256
from typing import Any

import pytest

from migrations.mlmd.mapping.artifacts import ArtifactMapping
from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.mapping.run import map_artifact_without_run
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.records import Options
from migrations.mlmd.vocabulary.rows import ArtifactRow, Origin
from storage.model import Artifact, ArtifactType
from tests.mlmd.builders import (
    CREATED,
    IMPORTER,
    a_root,
    an_artifact,
    an_event,
    an_execution,
    counts,
    mapped,
    properties,
)

IDS = Ids()
ORIGIN = Origin(7, "team-a", CREATED, "out", an_execution(2, "a"))


def made_of(row: ArtifactRow, *, origin: Origin = ORIGIN, namespace: str = "team-a") -> tuple[list[Artifact], Findings]:
    findings = Findings()
    return list(ArtifactMapping(IDS).artifacts(row, origin, findings, namespace=namespace)), findings


def metadata(artifact: Artifact) -> Any:
    return json.loads(artifact.metadata) if artifact.metadata else None


@pytest.mark.parametrize(
    ("title", "type"),
    [
        ("system.Artifact", ArtifactType.Artifact),
        ("system.Model", ArtifactType.Model),
        ("system.Dataset", ArtifactType.Dataset),
        ("system.HTML", ArtifactType.HTML),
        ("system.Markdown", ArtifactType.Markdown),
        ("system.ClassificationMetrics", ArtifactType.ClassificationMetric),
        ("system.SlicedClassificationMetrics", ArtifactType.SlicedClassificationMetric),
    ],
)
def test_a_schema_title_becomes_a_type(title: str, type: ArtifactType) -> None:
    (artifact,), findings = made_of(an_artifact(9, title, display_name="data"))
    assert (artifact.type, artifact.name, artifact.metadata) == (type, "data", None)
    assert counts(findings) == {}


def test_another_schema_title_is_kept_in_the_metadata() -> None:
    row = an_artifact(9, "google.VertexModel", display_name="m", k="v")
    (artifact,), findings = made_of(row)
    assert artifact.type == ArtifactType.Artifact
    assert metadata(artifact) == {"_kfp_schema_title": "google.VertexModel", "k": "v"}
    assert findings.count(Rule.ARTIFACTS_OF_OTHER_TYPES, "google.VertexModel") == 1


def test_an_artifact_of_a_missing_type_is_a_plain_one() -> None:
    (artifact,), findings = made_of(an_artifact(9, None, accuracy=0.5))
    assert (artifact.type, metadata(artifact)) == (ArtifactType.Artifact, {"accuracy": 0.5})
    assert counts(findings) == {Rule.ARTIFACTS_OF_MISSING_TYPE: 1}


def test_metadata_are_the_custom_properties_unwrapped() -> None:
    values = {
        "display_name": "data",
        "store_session_info": "{}",
        "n": 3.0,
        "text": "é",
        "flag": 1,
        "list": {"list": [1, {"b": None}]},
        "object": {"struct": {"ü": 1.5}},
        "other": {"plain": 1},
    }
    (artifact,), _ = made_of(an_artifact(9, **values))
    assert artifact.metadata == (
        '{"flag":1,"list":[1,{"b":null}],"n":3,"object":{"ü":1.5},"other":{"plain":1},"text":"é"}'
    )


def test_properties_of_both_kinds_are_kept() -> None:
    rows = properties({"span": 1, "name": "x"}, custom=False) + properties({"span": 2})
    row = ArtifactRow(9, "Examples", "/data", 4, "examples:0", CREATED, CREATED, rows, "ext-9", "v2")
    (artifact,), _ = made_of(row)
    assert metadata(artifact) == {
        "_kfp_schema_title": "Examples",
        "_kfp_schema_version": "v2",
        "_mlmd_external_id": "ext-9",
        "_mlmd_property_span": 1,
        "_mlmd_state": "DELETED",
        "name": "x",
        "span": 2,
    }


@pytest.mark.parametrize(
    ("row", "origin", "name"),
    [
        (an_artifact(9, display_name="data"), ORIGIN, "data"),
        (an_artifact(9, display_name="data", name="row"), ORIGIN, "data"),
        (an_artifact(9, name="row"), ORIGIN, "row"),
        (an_artifact(9), ORIGIN, "out"),
        (an_artifact(9), Origin(7, "team-a", CREATED, "artifact", an_execution(2, "i", type=IMPORTER)), ""),
        (an_artifact(9), Origin(7, "team-a", CREATED), ""),
        (an_artifact(9, display_name="n" * 200), ORIGIN, "n" * 128),
    ],
)
def test_an_artifact_is_called_by_its_key_unless_it_has_a_name(row: ArtifactRow, origin: Origin, name: str) -> None:
    (artifact,), _ = made_of(row, origin=origin)
    assert artifact.name == name


def test_a_name_from_a_property_says_what_v1_called_it() -> None:
    (artifact,), _ = made_of(ArtifactRow(9, "CSV", "u", None, None, 1, 1, properties({"name": "data"})))
    assert artifact.name == "data"


def test_each_number_of_metrics_becomes_a_metric() -> None:
    row = an_artifact(9, "system.Metrics", display_name="metrics", loss=0.125, accuracy=0.93, rows=20)
    artifacts, _ = made_of(row)
    assert [(a.name, a.number_value, metadata(a)) for a in artifacts] == [
        ("accuracy", 0.93, {"accuracy": 0.93}),
        ("loss", 0.125, {"loss": 0.125}),
        ("rows", 20.0, {"rows": 20}),
    ]
    assert [a.id for a in artifacts] == [
        IDS.of("artifact:9"),
        IDS.of("artifact:9:loss"),
        IDS.of("artifact:9:rows"),
    ]
    assert {(a.type, a.uri) for a in artifacts} == {(ArtifactType.Metric, "minio://bucket/9")}


def test_what_is_no_number_is_kept_with_the_first_metric() -> None:
    row = an_artifact(9, "system.Metrics", note="x", loss=0.5, bad=float("inf"), acc=1.0)
    first, second = made_of(row)[0]
    assert metadata(first) == {"acc": 1, "bad": "Infinity", "note": "x"}
    assert metadata(second) == {"loss": 0.5}


def test_metrics_without_any_number_become_a_plain_artifact() -> None:
    (artifact,), findings = made_of(an_artifact(9, "system.Metrics", display_name="metrics", note="x"))
    assert (artifact.type, artifact.name, artifact.number_value) == (ArtifactType.Artifact, "metrics", None)
    assert metadata(artifact) == {"note": "x"}
    assert counts(findings) == {Rule.METRICS_WITHOUT_NUMBER: 1}


@pytest.mark.parametrize(
    ("uri", "kept"), [("gs://b/ä%20?x=1#f", "gs://b/ä%20?x=1#f"), ("", None), (None, None), ("u" * 3000, "u" * 2048)]
)
def test_a_uri_is_kept_byte_for_byte(uri: str | None, kept: str | None) -> None:
    (artifact,), _ = made_of(an_artifact(9, uri=uri))
    assert artifact.uri == kept
    assert artifact.uri_hash == (sha256(kept.encode()).hexdigest() if kept else "")
    assert metadata(artifact) == ({"_mlmd_uri": uri} if uri and uri != kept else None)


def test_times_are_those_of_the_row_or_of_its_origin() -> None:
    (artifact,), _ = made_of(ArtifactRow(9, "system.Model", None, 2, None, CREATED + 5, CREATED + 9))
    assert (artifact.created_at, artifact.updated_at) == ((CREATED + 5) * 1000, (CREATED + 9) * 1000)
    (artifact,), findings = made_of(ArtifactRow(9, "system.Model", None, 2, None, 0, 0))
    assert artifact.created_at == artifact.updated_at == CREATED * 1000
    assert counts(findings) == {Rule.TIMES_MISSING: 2}


def test_an_artifact_used_in_another_namespace_gets_a_copy_there() -> None:
    row = an_artifact(9, "system.Metrics", a=1.0, b=2.0)
    copies, _ = made_of(row, namespace="team-b")
    assert {artifact.namespace for artifact in copies} == {"team-b"}
    assert [artifact.id for artifact in copies] == [IDS.of("artifact:9@team-b"), IDS.of("artifact:9@team-b:b")]


def test_a_run_links_the_copies_in_its_namespace() -> None:
    origin = Origin(3, "team-b", CREATED, "out", an_execution(90, "made"))
    records = mapped(
        [a_root(), an_execution(2, "a")], [an_event(2, 9, 3)], [an_artifact(9)], artifact_origins={9: origin}
    )
    assert [artifact.namespace for artifact in records.artifacts] == ["team-a"]
    assert [link.artifact_id for link in records.links] == [IDS.of("artifact:9@team-a")]
    assert (records.findings.count(Rule.ARTIFACTS_COPIED), records.own_artifacts) == (1, 0)


def test_an_artifact_that_no_run_touched_is_imported_without_links() -> None:
    findings = Findings()
    (artifact,) = map_artifact_without_run(an_artifact(9, "Model"), Origin(0, "", 0), Options(), findings)
    assert (artifact.id, artifact.namespace) == (IDS.of("artifact:9"), "")
    assert findings.count(Rule.ARTIFACTS_WITHOUT_TASK, "Model") == 1
