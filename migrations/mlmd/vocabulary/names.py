"""What an execution is called. The mapping calls this; for KFP v2 the tree of a run knows better."""

from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.rows import ExecutionRow
from migrations.mlmd.vocabulary.values import Properties, decode_properties, text_of

NAMING_PROPERTIES = ("task_name", "component_id")
"""The properties that name an execution."""

_COMPONENT_PREFIX = "components."


def component_name(row: ExecutionRow, properties: Properties) -> str:
    """Return what an execution is called: the component it ran, its node, its own name, else what its type is called last."""
    component = text_of(properties.standard.get("component_id")) or text_of(properties.custom.get("component_id"))
    name = component or row.node or row.name
    if name:
        return name
    type_name = (row.type or "").removeprefix(_COMPONENT_PREFIX).partition("@sha256=")[0]
    return type_name.rpartition(".")[2] or f"execution-{row.id}"


def maker_name(row: ExecutionRow | None) -> str:
    """Return the name of the task in another run that made an artifact, "" when nobody recorded that."""
    if row is None:
        return ""
    # What is wrong with another run's execution is counted there.
    properties = decode_properties(row.properties, Findings(), "")
    return text_of(properties.custom.get("task_name")) or component_name(row, properties)
