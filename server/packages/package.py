"""Pipeline packages: the text of an upload or a package URL, and the part of it that is stored.

The rules are those Kubeflow Pipelines' API server applies to such a text: one or more YAML documents, one of which is the
pipeline spec and one may be its platform spec. The creation of pipelines and versions calls this; it takes up to several
seconds of CPU time for the largest texts.
"""

import re
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from server.errors import InvalidArgument
from server.packages.documents import read_documents
from server.packages.specs import REASON, check_origin, check_schema_version, parse_platform, parse_spec
from server.packages.text_limits import UnreadableText
from server.rules.unusable import UnusableValue, column
from storage.documents.plain import LIST_LEVELS, OBJECT_LEVELS, VALUE_DEPTH, compact, plain_number
from storage.record import record

PLATFORM = "kubernetes"
"""The only platform whose configuration is stored."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")


@record
class Package:
    """A pipeline spec: its message, and the JSON text that is stored.

    The text is the spec in lowerCamelCase without defaults and with sorted keys, or {"pipeline_spec": …, "platform_spec": …}
    when the package has a platform spec.
    """

    spec: Any
    text: str


def read_package(data: bytes, *, strict_name: bool = True) -> Package:
    """Return the pipeline spec of a package's text.

    Raises InvalidArgument when the text is not YAML, does not contain a pipeline spec, or contains two pipeline or platform
    specs; and when the spec has another schema version, a name that uploads refuse (with strict_name), or cannot be stored.
    """
    try:
        documents = read_documents(data)
    except UnreadableText as error:
        raise _refusal(str(error)) from error
    if documents and _is_workflow(documents[0]):
        raise _refusal(
            "the text is an Argo Workflow; only pipelines compiled with version 2 of the KFP SDK are supported"
        )
    spec, platform = _specs_among(documents)
    if spec is None:
        raise _refusal("no document is a pipeline spec: it needs pipelineInfo.name and root, and no unknown fields")
    check_schema_version(spec)
    check_origin(spec)
    name = spec.pipeline_info.name
    if strict_name and not _NAME.fullmatch(name):
        raise _refusal(
            f"pipelineInfo.name {name[:128]!r} must be 1 to 128 characters of a-z, 0-9 and -, and must not start with -"
        )
    return Package(spec, _stored_text(spec, platform))


def _specs_among(documents: list[dict[str, Any]]) -> tuple[Any, Message | None]:
    """Return the pipeline spec and the platform spec among the documents; other documents are ignored."""
    specs: list[Any] = []
    platforms: list[Message] = []
    for document in documents:
        spec = parse_spec(document)
        if spec is not None:
            specs.append(spec)
            continue
        platform = parse_platform(document)
        if platform is not None and PLATFORM in platform.platforms:
            platforms.append(platform)
    if len(specs) > 1:
        raise _refusal("the package contains more than one pipeline spec")
    if len(platforms) > 1:
        raise _refusal("the package contains more than one platform spec")
    return (specs[0] if specs else None), (platforms[0] if platforms else None)


def _is_workflow(document: dict[str, Any]) -> bool:
    version = document.get("apiVersion")
    return isinstance(version, str) and version.startswith("argoproj.io/") and document.get("kind") == "Workflow"


def _stored_text(spec: Message, platform: Message | None) -> str:
    try:
        plain = json_format.MessageToDict(spec)
        if platform is not None:
            plain = {"pipeline_spec": plain, "platform_spec": json_format.MessageToDict(platform)}
        return column(compact(_normalized(plain, 0)), "the pipeline spec")
    except UnusableValue as error:
        raise _refusal(str(error)) from error


def _normalized(plain: Any, levels: int) -> Any:
    """Return plain JSON with sorted keys and every number written as a double, since clients receive it as a Struct."""
    if levels > VALUE_DEPTH:
        raise UnusableValue("the pipeline spec is nested too deeply")
    if isinstance(plain, dict):
        return {key: _normalized(plain[key], levels + _depth(plain[key])) for key in sorted(plain)}
    if isinstance(plain, list):
        return [_normalized(item, levels + _depth(item)) for item in plain]
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return plain_number(float(plain))
    return plain


def _depth(plain: Any) -> int:
    return OBJECT_LEVELS if isinstance(plain, dict) else LIST_LEVELS if isinstance(plain, list) else 0


def _refusal(sentence: str) -> InvalidArgument:
    return InvalidArgument(sentence, reason=REASON)
