"""Uploads of a compiled pipeline: what the multipart routes do once they have a file. Names come from the query only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from lineal.v2beta1 import pipeline_pb2

from server import package_files
from server.call import Call
from server.errors import InvalidArgument
from server.services import checks
from server.services.pipeline_versions import (
    VERSION_NAME,
    VersionTexts,
    keep_pipeline_and_version,
    keep_version,
    new_version,
)
from server.services.pipelines import check_tags, new_pipeline
from storage.model import Pipeline, PipelineVersion


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent: its name without folders, its bytes, and the query's parameters (first value of each)."""

    file_name: str
    data: bytes
    parameters: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a parameter; an absent one is empty."""
        return self.parameters.get(name, "")


async def upload_pipeline(call: Call, upload: Upload) -> tuple[Pipeline, PipelineVersion]:
    """Keep the file as the first version of a new pipeline, both or none."""
    package = _unpacked(call, upload)
    checks.length("namespace", upload.text("namespace"), checks.NAMESPACE)
    tags = _tags(upload)
    now = call.now()
    asked = pipeline_pb2.Pipeline(
        name=upload.text("name"),
        display_name=upload.text("display_name"),
        description=upload.text("description"),
        tags=tags,
    )
    pipeline = new_pipeline(asked, now=now, otherwise_named=upload.file_name)
    texts = VersionTexts(
        name=pipeline.name[:VERSION_NAME],
        display_name=pipeline.display_name,
        description=pipeline.description,
        code_source_url=upload.text("code_source_url"),
    )
    texts.check()
    version = new_version(texts, pipeline_id=pipeline.id, package=package, tags={}, now=now)
    await keep_pipeline_and_version(call, pipeline, version)
    return pipeline, version


async def upload_pipeline_version(call: Call, upload: Upload) -> PipelineVersion:
    """Keep the file as a version of the pipeline that the parameter pipelineid names."""
    package = _unpacked(call, upload)
    checks.require(upload.text("pipelineid"), "the parameter pipelineid is required")
    checks.length("namespace", upload.text("namespace"), checks.NAMESPACE)
    name = upload.text("name") or upload.text("display_name") or upload.file_name
    texts = VersionTexts(
        name=name,
        display_name=upload.text("display_name"),
        description=upload.text("description"),
        code_source_url=upload.text("code_source_url"),
    )
    texts.check()
    pipeline_id = checks.known_id("pipeline", upload.text("pipelineid"))
    await call.store.read(lambda tx: tx.pipelines.get(pipeline_id))
    tags = _tags(upload)
    version = new_version(texts, pipeline_id=pipeline_id, package=package, tags=tags, now=call.now())
    check_tags(tags)
    await keep_version(call, version)
    return version


def _unpacked(call: Call, upload: Upload) -> bytes:
    limit = call.settings.package_bytes_max
    if len(upload.data) > limit:
        raise InvalidArgument(f"the file is larger than {limit} bytes", reason="PACKAGE_TOO_LARGE")
    return package_files.unpack(upload.file_name, upload.data, limit=limit)


def _tags(upload: Upload) -> dict[str, str]:
    text = upload.text("tags")
    if not text:
        return {}
    try:
        tags = json.loads(text)
    except (ValueError, RecursionError):
        tags = text
    if tags is None:
        return {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise InvalidArgument("the parameter tags must be a JSON object of strings")
    return tags
