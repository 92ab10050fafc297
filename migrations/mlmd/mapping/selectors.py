"""Which output of which task within a group is an output of the group, as KFP's driver recorded it with the group.

Parameters: an object of texts, each the JSON of a protobuf message (camel case). Artifacts: one text, JSON with other names
(snake case, or the names of Go's fields). All spellings are accepted in both places. `outputs` calls this.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from migrations.mlmd.vocabulary.findings import Findings, Rule
from storage.documents.plain import Plain
from storage.record import record


@record
class Source:
    """An output of a task within a group."""

    task_name: str
    key: str


@record
class Selector:
    """An output of a group: its key and its sources. Of the sources of a one-of, the first that exists is used."""

    key: str
    sources: tuple[Source, ...]
    one_of: bool = False


def parameter_selectors(custom: Mapping[str, Plain], findings: Findings, subject: str) -> list[Selector]:
    """Return the selectors of a group's output parameters, by key."""
    return _selectors(custom.get("parameter_producer_task"), _PARAMETER, findings, subject)


def artifact_selectors(custom: Mapping[str, Plain], findings: Findings, subject: str) -> list[Selector]:
    """Return the selectors of a group's output artifacts, by key."""
    return _selectors(custom.get("artifact_producer_task"), _ARTIFACT, findings, subject)


@record
class _Words:
    single: str
    one_of: str
    choices: str
    output_key: str


_PARAMETER = _Words("valuefromparameter", "valuefromoneof", "parameterselectors", "outputparameterkey")
_ARTIFACT = _Words("", "", "artifactselectors", "outputartifactkey")


def _selectors(raw: Plain, words: _Words, findings: Findings, subject: str) -> list[Selector]:
    if not raw:
        return []
    try:
        by_key = _json_object(raw)
    except (ValueError, RecursionError):
        findings.add(Rule.SELECTORS_UNREADABLE, subject)
        return []
    selectors = []
    for key in sorted(by_key):
        try:
            selectors.append(Selector(key, *_sources(_json_object(by_key[key]), words)))
        except (ValueError, RecursionError):
            findings.add(Rule.SELECTORS_UNREADABLE, f"{subject} {key}")
    return selectors


def _json_object(raw: Any) -> dict[str, Any]:
    plain = json.loads(raw) if isinstance(raw, str) else raw
    if not isinstance(plain, dict):
        raise ValueError("not an object")
    return plain


def _sources(spec: dict[str, Any], words: _Words) -> tuple[tuple[Source, ...], bool]:
    fields = _folded_names(spec)
    # Go's own JSON includes the name of the oneof field.
    fields = _folded_names(fields["kind"]) if "kind" in fields else fields
    if words.single in fields:
        return tuple(_source(fields[words.single], words)), False
    choices = _folded_names(fields[words.one_of]) if words.one_of in fields else fields
    choices_list = choices.get(words.choices)
    if not isinstance(choices_list, list):
        raise ValueError("neither a selector nor a list of them")
    sources = tuple(source for item in choices_list for source in _source(item, words))
    return sources, words.one_of in fields or len(sources) > 1


def _source(spec: Any, words: _Words) -> Iterator[Source]:
    fields = _folded_names(spec)
    task_name, key = fields.get("producersubtask"), fields.get(words.output_key)
    if isinstance(task_name, str) and isinstance(key, str):
        yield Source(task_name, key)


def _folded_names(spec: Any) -> dict[str, Any]:
    """Return the fields of an object by their names in lower case and without underscores."""
    if not isinstance(spec, dict):
        raise ValueError("not an object")
    return {name.replace("_", "").lower(): value for name, value in spec.items()}
