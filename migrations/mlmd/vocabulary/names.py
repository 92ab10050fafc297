"""The names of executions, except those of KFP v2, which the tree of a run determines. The mapping calls this."""

from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.rows import ExecutionRow
from migrations.mlmd.vocabulary.values import Properties, decode_properties, text_of

NAMING_PROPERTIES = ("task_name", "component_id")
"""The properties that contain the name of an execution."""

_COMPONENT_PREFIX = "components."


def component_name(row: ExecutionRow, properties: Properties) -> str:
    """Return the name of an execution: that of its component, its node or itself, otherwise the last part of its type's name."""
    component = text_of(properties.standard.get("component_id")) or text_of(properties.custom.get("component_id"))
    name = component or row.node or row.name
    if name:
        return name
    type_name = (row.type or "").removeprefix(_COMPONENT_PREFIX).partition("@sha256=")[0]
    return type_name.rpartition(".")[2] or f"execution-{row.id}"


def maker_name(row: ExecutionRow | None) -> str:
    """Return the name of the task in another run that made an artifact, "" when it is not recorded."""
    if row is None:
        return ""
    # The findings are not used: those of an execution of another run are counted in that run.
    properties = decode_properties(row.properties, Findings(), "")
    return text_of(properties.custom.get("task_name")) or component_name(row, properties)
