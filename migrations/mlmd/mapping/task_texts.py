"""What tasks of all kinds of history have in common: texts cut to column lengths, pods, type attributes, leftover properties.

`kfp_v2` and `generic` call this.
"""

from collections.abc import Mapping

from migrations.mlmd.mapping.artifacts import EXTERNAL_ID, WHOLE_NAME
from migrations.mlmd.vocabulary.cleaning import clean_text, clean_value
from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.values import cut
from storage import lengths
from storage.documents.plain import Plain
from storage.documents.tasks import Pod, StatusMetadata, TypeAttributes, pods_to_text
from storage.model import PodType, TaskType


def task_names(name: str, display_name: str, findings: Findings, subject: str) -> tuple[str, str]:
    """Return name and display name, cut to the lengths of their columns."""
    return (
        cut(name, lengths.NAME, findings, subject),
        cut(display_name, lengths.DISPLAY_NAME, findings, subject),
    )


def pods_text(name: str, uid: str) -> str | None:
    """Return the pod that executed a task, None when there was none."""
    return pods_to_text([Pod(name, uid, PodType.EXECUTOR)] if name or uid else [])


def type_attributes_text(
    type: TaskType, *, iteration: int | None = None, count: int | None = None, workspace: bool = False
) -> str | None:
    """Return the attributes of a task's type, None when there are none."""
    attributes = TypeAttributes(
        iteration_index=iteration,
        iteration_count=count if type is TaskType.LOOP else None,
        download_to_workspace=workspace if type is TaskType.IMPORTER else None,
    )
    return None if attributes == TypeAttributes() else attributes.to_text()


def leftover_text(properties: Mapping[str, Plain], findings: Findings, subject: str) -> str | None:
    """Return status metadata with the properties that have no column, None when there are none."""
    if not properties:
        return None
    custom_properties = {
        clean_text(name, findings, subject): clean_value(properties[name], findings, f"{subject} {name}")
        for name in sorted(properties)
    }
    return StatusMetadata(custom_properties=custom_properties).to_text()


def leftovers(properties: Mapping[str, Plain], *, name: str, external_id: str) -> dict[str, Plain]:
    """Return the properties for status metadata, with the external id and the full text of a name that is too long."""
    metadata = dict(properties)
    if len(name) > lengths.NAME:
        metadata[WHOLE_NAME] = name
    if external_id:
        metadata[EXTERNAL_ID] = external_id
    return metadata
