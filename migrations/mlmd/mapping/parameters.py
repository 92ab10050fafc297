"""Parameters of tasks: MLMD's structures become Lineal's parameters, and these the text of a column.

`kfp_v2`, `outputs` and `generic` call this.
"""

from collections.abc import Iterable, Mapping

from migrations.mlmd.vocabulary.cleaning import clean_text, clean_value
from migrations.mlmd.vocabulary.findings import Findings
from storage.documents.parameters import NO_VALUE, Parameter, Producer, to_text
from storage.documents.plain import Plain
from storage.model import IOType


def input_parameters(values: Mapping[str, Plain]) -> list[Parameter]:
    """Return inputs of unknown origin, sorted by key and without a producer."""
    return [Parameter(key, IOType.COMPONENT_INPUT, values[key]) for key in sorted(values)]


def output_parameters(values: Mapping[str, Plain], producer: Producer) -> list[Parameter]:
    """Return a task's own outputs, sorted by key; the producer is the task."""
    kind = output_type(producer)
    return [Parameter(key, kind, values[key], producer) for key in sorted(values)]


def output_type(producer: Producer) -> IOType:
    """Return the type of a task's own outputs: ITERATOR_OUTPUT if the task belongs to an iteration."""
    return IOType.OUTPUT if producer.iteration is None else IOType.ITERATOR_OUTPUT


def parameters_text(parameters: Iterable[Parameter], findings: Findings, subject: str) -> str | None:
    """Return the text of a column of parameters, None when there are none."""
    return to_text(_clean(parameter, findings, subject) for parameter in parameters)


def clean_producer(producer: Producer, findings: Findings, subject: str) -> Producer:
    """Return a producer whose name every database and every encoder accepts."""
    return Producer(clean_text(producer.task_name, findings, subject), producer.iteration)


def _clean(parameter: Parameter, findings: Findings, subject: str) -> Parameter:
    key, type, value, producer = parameter
    return Parameter(
        value=value if value is NO_VALUE else clean_value(value, findings, f"{subject} {key}"),
        type=type,
        key=clean_text(key, findings, subject),
        producer=None if producer is None else clean_producer(producer, findings, subject),
    )
