"""YAML and JSON text → plain JSON documents. `server.packages.package` calls this.

Text is read as Kubeflow Pipelines' API server reads it, which converts YAML to JSON: values that JSON does not have, and
tags without a meaning in JSON, such as !!binary, are refused. The limits are in `server.packages.text_limits`.
"""

import json
import re
from typing import Any

import yaml

from server.packages.composer import compose
from server.packages.scalars import decimal, integer, number_not_in_json
from server.packages.text_limits import DIRECTIVES_MAX, NODES_MAX, UnreadableText, nested_too_deeply


def read_documents(data: bytes) -> list[dict[str, Any]]:
    """Return the mappings in a text, in order; empty documents are left out.

    Raises UnreadableText for text that is not YAML, documents that are not mappings, duplicate keys, keys that are not
    text, values that JSON does not have, and when a limit is exceeded.
    """
    text = _decode(data)
    document = _json_mapping(text)
    return [document] if document is not None else _yaml_mappings(text)


def _decode(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableText("the text is not UTF-8") from error


def _json_mapping(text: str) -> dict[str, Any] | None:
    """Return the object of a JSON text; None when the text is not one, or is so long that its values must be counted.

    JSON is read separately because the YAML parser is slower and does not accept characters escaped as surrogate pairs.
    """
    # Every key and every value but the outermost object follows one of these characters.
    if not text.lstrip(" \t\r\n").startswith("{") or sum(map(text.count, ",:[{")) > NODES_MAX:
        return None
    try:
        document = json.loads(
            text,
            parse_int=integer,
            parse_float=decimal,
            parse_constant=_not_json,
            object_pairs_hook=_without_duplicates,
        )
    except json.JSONDecodeError:
        return None
    except RecursionError as error:
        raise nested_too_deeply() from error
    return document if isinstance(document, dict) else None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise UnreadableText("a mapping has the same key twice")
    return mapping


def _not_json(text: str) -> Any:
    raise number_not_in_json(text)


def _yaml_mappings(text: str) -> list[dict[str, Any]]:
    if sum(1 for _ in re.finditer(r"^%|[\r\n\x85\u2028\u2029]%", text)) > DIRECTIVES_MAX:
        raise UnreadableText(f"the text has more than {DIRECTIVES_MAX} directives")
    documents = []
    try:
        for document in compose(text):
            if document is not None and not isinstance(document, dict):
                raise UnreadableText("every document must be a mapping")
            if document is not None:
                documents.append(document)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableText(f"the text is not YAML: {where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UnreadableText("the text is not YAML: it contains characters that YAML does not allow") from error
    return documents
