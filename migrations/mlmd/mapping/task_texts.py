"""What tasks of every kind of history have in common: texts cut to their columns, pods, type attributes, leftover properties.

`kfp_v2` and `generic` call this.
"""

from collections.abc import Mapping

from migrations.mlmd.mapping.artifacts import EXTERNAL_ID, WHOLE_NAME
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.json_text import Plain, clean_text, clean_value, json_text
from migrations.mlmd.vocabulary.values import cut
from storage import lengths
from storage.model import TaskType


def task_names(name: str, display_name: str, findings: Findings, subject: str) -> tuple[str, str]:
    """Return name and display name as long as their columns are."""
    return (
        cut(name, lengths.NAME, findings, subject),
        cut(display_name, lengths.DISPLAY_NAME, findings, subject),
    )


def pods_text(name: str, uid: str) -> str | None:
    """Return the pod that executed a task, None when there was none."""
    pod = {key: text for key, text in (("name", name), ("uid", uid)) if text}
    return json_text([{**pod, "type": "EXECUTOR"}]) if pod else None


def type_attributes_text(
    type: TaskType, *, iteration: int | None = None, count: int | None = None, workspace: bool = False
) -> str | None:
    """Return the attributes that go with a type, None when there are none."""
    plain: dict[str, Plain] = {}
    if iteration is not None:
        plain["iterationIndex"] = str(iteration)
    if count is not None and type is TaskType.LOOP:
        plain["iterationCount"] = str(count)
    if type is TaskType.IMPORTER:
        plain["downloadToWorkspace"] = workspace
    return json_text(plain) if plain else None


def leftover_text(properties: Mapping[str, Plain], findings: Findings, subject: str) -> str | None:
    """Return status metadata for properties without a column of their own, None when there are none."""
    if not properties:
        return None
    plain = {
        clean_text(name, findings, subject): clean_value(properties[name], findings, f"{subject} {name}")
        for name in sorted(properties)
    }
    return json_text({"customProperties": plain})


def leftovers(properties: Mapping[str, Plain], *, name: str, external_id: str) -> dict[str, Plain]:
    """Return the properties for status metadata, with the full text of a name that is too long and the external id."""
    metadata = dict(properties)
    if len(name) > lengths.NAME:
        metadata[WHOLE_NAME] = name
    if external_id:
        metadata[EXTERNAL_ID] = external_id
    return metadata
