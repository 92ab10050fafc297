"""Uploads of compiled pipelines: what the multipart routes do with a file. Names are taken from the query only."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.calls.call import Call
from server.calls.http_calls import HttpCall
from server.errors import InvalidArgument
from server.packages.archives import unpack
from server.packages.reading import read_apart
from server.packages.versions import keep_pipeline_and_version, keep_version, new_version
from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.pipelines import NewPipeline, VersionTexts, check_tags, new_pipeline
from storage import lengths
from storage.model import Pipeline, PipelineVersion

Answer = TypeVar("Answer")


async def keep_uploaded_pipeline(
    call: Call, upload: HttpCall, answer: Callable[[Pipeline, PipelineVersion], Awaitable[Answer]]
) -> Answer:
    """Store the file as the first version of a new pipeline: both are stored, or neither. Return the answer made of them."""
    package = await _unpack(call, upload)
    checks.max_characters("namespace", _text(upload, "namespace"), MAX_CHARACTERS["Pipeline.namespace"])
    tags = _tags(upload)
    now = call.now()
    new = NewPipeline(
        name=_text(upload, "name"),
        display_name=_text(upload, "display_name"),
        description=_text(upload, "description"),
        tags=tags,
    )
    pipeline = new_pipeline(
        new,
        pipeline_id=call.new_id(),
        namespace=call.scope().namespace,
        now=now,
        otherwise_named=upload.file_name,
    )
    texts = VersionTexts(
        name=pipeline.name[: lengths.VERSION_NAME],
        display_name=pipeline.display_name,
        description=pipeline.description,
        code_source_url=_text(upload, "code_source_url"),
    )
    texts.check()
    version = await new_version(
        texts, version_id=call.new_id(), pipeline_id=pipeline.id, package=package, tags={}, now=now
    )
    return await call.write(
        lambda store: keep_pipeline_and_version(store, pipeline, version), lambda _: answer(pipeline, version)
    )


async def keep_uploaded_version(
    call: Call, upload: HttpCall, answer: Callable[[PipelineVersion], Awaitable[Answer]]
) -> Answer:
    """Store the file as a version of the pipeline that the parameter pipelineid names. Return the answer made of it."""
    package = await _unpack(call, upload)
    checks.require(_text(upload, "pipelineid"), "the parameter pipelineid is required")
    checks.max_characters("namespace", _text(upload, "namespace"), MAX_CHARACTERS["Pipeline.namespace"])
    name = _text(upload, "name") or _text(upload, "display_name") or upload.file_name
    texts = VersionTexts(
        name=name,
        display_name=_text(upload, "display_name"),
        description=_text(upload, "description"),
        code_source_url=_text(upload, "code_source_url"),
    )
    texts.check()
    pipeline_id = checks.known_id("pipeline", _text(upload, "pipelineid"))
    await call.store.read(lambda tx: tx.pipelines.get(pipeline_id))
    tags = _tags(upload)
    check_tags(tags)  # before the package is parsed, which is expensive
    version = await new_version(
        texts, version_id=call.new_id(), pipeline_id=pipeline_id, package=package, tags=tags, now=call.now()
    )
    return await call.write(lambda store: keep_version(store, version), lambda _: answer(version))


def _text(upload: HttpCall, name: str) -> str:
    """Return a parameter of the query, or an empty text when it is absent."""
    return upload.parameter(name)


async def _unpack(call: Call, upload: HttpCall) -> bytes:
    limit = call.settings.package_bytes_max
    # Not by its size: decompressing leaves the interpreter to others.
    return await read_apart(0, unpack, upload.file_name, upload.body, limit=limit)


def _tags(upload: HttpCall) -> dict[str, str]:
    text = _text(upload, "tags")
    if not text:
        return {}
    try:
        tags = json.loads(text)
        json.dumps(tags, ensure_ascii=False).encode()  # fails for half a surrogate pair, which no database can store
    except (ValueError, RecursionError):
        tags = text
    if tags is None:
        return {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise InvalidArgument("the parameter tags must be a JSON object of strings")
    return tags
