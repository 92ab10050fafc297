"""Requirements of pipelines and pipeline versions: names, lengths, tags."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import NamedTuple

from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from storage import lengths
from storage.model import Pipeline
from storage.record import record

TAGS = 20


@record
class NewPipeline:
    """What a client says of a new pipeline; `requested_namespace` is checked, the call's scope decides."""

    name: str = ""
    display_name: str = ""
    description: str = ""
    requested_namespace: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@record
class VersionTexts:
    """What a new version is called; name and display name stand in for each other."""

    name: str
    display_name: str = ""
    description: str = ""
    package_url: str = ""
    code_source_url: str = ""

    def check(self) -> None:
        """Raise InvalidArgument for a missing name and for texts that are too long."""
        checks.require(self.name or self.display_name, "pipeline_version.name or display_name is required")
        checks.max_characters(
            "pipeline_version.name", self.name or self.display_name, MAX_CHARACTERS["PipelineVersion.name"]
        )
        checks.max_characters(
            "pipeline_version.display_name", self.display_name, MAX_CHARACTERS["PipelineVersion.display_name"]
        )
        for name in ("description", "package_url", "code_source_url"):
            checks.max_bytes(f"pipeline_version.{name}", getattr(self, name), checks.TEXT_BYTES)


class LabelUpdate(NamedTuple):
    """What a client changes of a pipeline or a version: an empty display name stays as it is, and so do tags that are None."""

    display_name: str = ""
    tags: Mapping[str, str] | None = None

    def check_pipeline(self) -> None:
        """Raise InvalidArgument for a display name or tags that a pipeline cannot have."""
        self._check("pipeline.display_name", MAX_CHARACTERS["Pipeline.display_name"])

    def check_version(self) -> None:
        """Raise InvalidArgument for a display name or tags that a pipeline version cannot have."""
        self._check("pipeline_version.display_name", MAX_CHARACTERS["PipelineVersion.display_name"])

    def _check(self, field: str, limit: int) -> None:
        checks.max_characters(field, self.display_name, limit)
        check_tags(self.tags or {})


def first_version_texts(sent: VersionTexts, pipeline: Pipeline) -> VersionTexts:
    """Return the texts of the first version of a new pipeline: what is not sent for it is taken from the pipeline."""
    name = sent.name or sent.display_name or pipeline.name[: MAX_CHARACTERS["PipelineVersion.name"]]
    return replace(
        sent,
        name=name,
        display_name=sent.display_name or (name if sent.name else pipeline.display_name),
        description=sent.description or pipeline.description,
    )


def new_pipeline(
    new: NewPipeline, *, pipeline_id: str, namespace: str, now: int, otherwise_named: str = ""
) -> Pipeline:
    """Return the record of a new pipeline; name and display name stand in for each other. Raises InvalidArgument."""
    name = new.name or new.display_name or otherwise_named
    checks.require(name, "pipeline.name or pipeline.display_name is required")
    checks.max_characters("pipeline.name", name, MAX_CHARACTERS["Pipeline.name"])
    checks.max_characters("pipeline.display_name", new.display_name, MAX_CHARACTERS["Pipeline.display_name"])
    checks.max_characters("pipeline.namespace", new.requested_namespace, MAX_CHARACTERS["Pipeline.namespace"])
    checks.max_bytes("pipeline.description", new.description, checks.TEXT_BYTES)
    check_tags(new.tags)
    return Pipeline(
        id=pipeline_id,
        name=name,
        display_name=new.display_name or name,
        description=new.description,
        created_at=now,
        namespace=namespace,
        tags=dict(sorted(new.tags.items())),
    )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise InvalidArgument for too many tags, and for keys and values that a tag cannot have."""
    checks.require(len(tags) <= TAGS, f"at most {TAGS} tags are allowed")
    for key, value in tags.items():
        checks.require(key and "." not in key, "a tag's key must not be empty or contain a dot")
        checks.max_characters("a tag's key", key, lengths.TAG)
        checks.max_characters("a tag's value", value, lengths.TAG)
