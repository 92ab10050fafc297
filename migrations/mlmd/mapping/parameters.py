"""Parameters of tasks: structures of MLMD become the entries of a column of the service.

`kfp_v2` and `generic` call this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrations.mlmd.vocabulary.findings import Findings
from migrations.mlmd.vocabulary.json_text import Plain, clean_text, clean_value, json_text
from storage.model import IOType


@dataclass(frozen=True, slots=True)
class Parameter:
    """One entry of a task's inputs or outputs; an input of unknown origin has no producer."""

    key: str
    value: Plain
    type: IOType
    producer: str | None = None
    iteration: int | None = None


def producer_plain(task_name: str | None, iteration: int | None) -> dict[str, Plain]:
    """Return a producer in the form in which it is stored."""
    plain: dict[str, Plain] = {}
    if task_name:
        plain["taskName"] = task_name
    if iteration is not None:
        plain["iteration"] = str(iteration)
    return plain


def input_parameters(values: Mapping[str, Plain]) -> list[Parameter]:
    """Return inputs of unknown origin by key."""
    return [Parameter(key, values[key], IOType.COMPONENT_INPUT) for key in sorted(values)]


def output_parameters(values: Mapping[str, Plain], *, task_name: str, iteration: int | None) -> list[Parameter]:
    """Return the outputs of a task itself, by key."""
    kind = IOType.OUTPUT if iteration is None else IOType.ITERATOR_OUTPUT
    return [Parameter(key, values[key], kind, task_name, iteration) for key in sorted(values)]


def parameters_text(parameters: Iterable[Parameter], findings: Findings, subject: str) -> str | None:
    """Return the text of a column of parameters, None when there are none."""
    entries = [_entry(parameter, findings, subject) for parameter in parameters]
    return json_text(entries) if entries else None


def _entry(parameter: Parameter, findings: Findings, subject: str) -> dict[str, Plain]:
    entry: dict[str, Plain] = {
        "value": clean_value(parameter.value, findings, f"{subject} {parameter.key}"),
        "type": parameter.type.name,
    }
    if parameter.key:
        entry["parameterKey"] = clean_text(parameter.key, findings, subject)
    if parameter.producer is not None:
        entry["producer"] = producer_plain(clean_text(parameter.producer, findings, subject), parameter.iteration)
    return entry
