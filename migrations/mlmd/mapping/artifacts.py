"""Artifacts: types, names, unwrapped metadata; one row of metrics becomes one Metric for each number. `run` calls this."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.cleaning import clean_text, clean_value
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import ArtifactRow, Origin
from migrations.mlmd.vocabulary.times import microseconds
from migrations.mlmd.vocabulary.values import Properties, cut, decode_properties, text_of, unwrapped
from storage import lengths
from storage.digests import uri_hash
from storage.documents.plain import Plain, compact
from storage.model import Artifact, ArtifactType
from storage.record import record

SCHEMA_TITLE = "_kfp_schema_title"
SCHEMA_VERSION = "_kfp_schema_version"
STATE = "_mlmd_state"
EXTERNAL_ID = "_mlmd_external_id"
WHOLE_NAME = "_mlmd_name"
WHOLE_URI = "_mlmd_uri"
OWN_PROPERTY = "_mlmd_property_"

TYPES = {
    "system.Artifact": ArtifactType.Artifact,
    "system.Model": ArtifactType.Model,
    "system.Dataset": ArtifactType.Dataset,
    "system.HTML": ArtifactType.HTML,
    "system.Markdown": ArtifactType.Markdown,
    "system.Metrics": ArtifactType.Metric,
    "system.ClassificationMetrics": ArtifactType.ClassificationMetric,
    "system.SlicedClassificationMetrics": ArtifactType.SlicedClassificationMetric,
}

_STATES = {1: "PENDING", 3: "MARKED_FOR_DELETION", 4: "DELETED", 5: "ABANDONED", 6: "REFERENCE"}
IMPORTER_TYPES = {"system.ImporterExecution", "system.ImporterWorkspaceExecution"}

_NOT_METADATA = {"display_name", "store_session_info"}
_METRIC = ArtifactType.Metric


@record
class ArtifactMapping:
    """Maps the artifacts of one store; the result depends only on an artifact's own row and its origin."""

    ids: Ids

    def artifacts(
        self, row: ArtifactRow, origin: Origin, findings: Findings, *, namespace: str
    ) -> tuple[Artifact, ...]:
        """Return the records of an artifact as seen from a namespace: one, or one for each number of a row of metrics.

        In a namespace other than its origin's, they are copies with their own ids.
        """
        subject = f"artifact {row.id}"
        properties = decode_properties(row.properties, findings, subject)
        copied_to = namespace if namespace != origin.namespace else None
        artifact = self._artifact(row, origin, properties, findings, subject)
        artifact = replace(
            artifact,
            id=self.ids.artifact(row.id, namespace=copied_to, metric=None),
            namespace=cut(namespace, lengths.NAMESPACE, findings, subject),
        )
        if artifact.type != _METRIC:
            metadata = _metadata(row, properties, artifact, findings, subject)
            return (replace(artifact, metadata=compact(metadata) if metadata else None),)
        return self._metrics(row, artifact, properties, findings, copied_to=copied_to)

    def _artifact(
        self, row: ArtifactRow, origin: Origin, properties: Properties, findings: Findings, subject: str
    ) -> Artifact:
        created_at = microseconds(row.created, origin.at * 1000, findings, subject)
        uri = clean_text(row.uri, findings, subject) if row.uri else None
        kept_uri = cut(uri, lengths.URI, findings, subject) if uri else None
        return Artifact(
            id="",
            name=cut(_name(row, origin, properties), lengths.NAME, findings, subject),
            type=_type(row, findings, subject),
            created_at=created_at,
            updated_at=microseconds(row.updated, created_at, findings, subject),
            uri=kept_uri,
            uri_hash=uri_hash(kept_uri),
        )

    def _metrics(
        self, row: ArtifactRow, artifact: Artifact, properties: Properties, findings: Findings, *, copied_to: str | None
    ) -> tuple[Artifact, ...]:
        subject = f"artifact {row.id}"
        numbers = _numbers(properties)
        others = Properties(_without(properties.standard, numbers), _without(properties.custom, numbers))
        metadata = _metadata(row, others, artifact, findings, subject)
        if not numbers:
            findings.add(Rule.METRICS_WITHOUT_NUMBER, subject)
            return (replace(artifact, type=ArtifactType.Artifact, metadata=compact(metadata) if metadata else None),)
        metrics = []
        for place, (name, number) in enumerate(numbers.items()):
            metric_metadata = {clean_text(name, findings, subject): clean_value(number, findings, subject)}
            # Everything except the numbers belongs to all of them, and is stored with the first.
            if place == 0:
                metric_metadata = dict(sorted({**metadata, **metric_metadata}.items()))
            metric_id = self.ids.artifact(row.id, namespace=copied_to, metric=name) if place else artifact.id
            name = cut(name, lengths.NAME, findings, subject)
            metric = replace(
                artifact, id=metric_id, name=name, number_value=float(number), metadata=compact(metric_metadata)
            )
            metrics.append(metric)
        return tuple(metrics)


def _type(row: ArtifactRow, findings: Findings, subject: str) -> ArtifactType:
    if row.type is None:
        findings.add(Rule.ARTIFACTS_OF_MISSING_TYPE, subject)
        return ArtifactType.Artifact
    type = TYPES.get(row.type)
    if type is None:
        findings.add(Rule.ARTIFACTS_OF_OTHER_TYPES, subject, kind=row.type)
    return type or ArtifactType.Artifact


def _name(row: ArtifactRow, origin: Origin, properties: Properties) -> str:
    """Return the name of an artifact; the output key that all importers share is not used."""
    name = text_of(properties.custom.get("display_name")) or row.name or text_of(properties.custom.get("name"))
    by_importer = origin.maker is not None and origin.maker.type in IMPORTER_TYPES
    return name or ("" if by_importer else origin.key)


def _metadata(
    row: ArtifactRow, properties: Properties, artifact: Artifact, findings: Findings, subject: str
) -> dict[str, Plain]:
    """Return the metadata with sorted keys: the properties, and other data of the row that has no column."""
    custom = {name: value for name, value in properties.custom.items() if name not in _NOT_METADATA}
    metadata: dict[str, Plain] = {
        OWN_PROPERTY + name if name in custom else name: value for name, value in properties.standard.items()
    }
    metadata |= custom
    if row.type is not None and row.type not in TYPES:
        metadata[SCHEMA_TITLE] = row.type
        if row.type_version:
            metadata[SCHEMA_VERSION] = row.type_version
    if row.state in _STATES:
        metadata[STATE] = _STATES[row.state]
    if row.external_id:
        metadata[EXTERNAL_ID] = row.external_id
    if row.uri and artifact.uri is not None and len(row.uri) > len(artifact.uri):
        metadata[WHOLE_URI] = row.uri
    if len(row.name or "") > lengths.NAME:
        metadata[WHOLE_NAME] = row.name
    return {
        clean_text(name, findings, subject): clean_value(unwrapped(metadata[name]), findings, f"{subject} {name}")
        for name in sorted(metadata)
    }


def _numbers(properties: Properties) -> dict[str, float]:
    """Return the values that can be metrics, by name."""
    values = {**properties.standard, **properties.custom}
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return {
        name: numbers[name]
        for name in sorted(numbers)
        if not isinstance(numbers[name], bool) and isfinite(numbers[name])
    }


def _without(values: Mapping[str, Plain], names: Mapping[str, float]) -> dict[str, Plain]:
    return {name: value for name, value in values.items() if name not in names}
