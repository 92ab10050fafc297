"""Parameters of a task: how they are kept, read back, and merged by UpdateTask. `tasks` of the codec calls this.

Parameters are one when type, key, producer task and iteration agree. An iterator's entries that name no iteration can
only be distinguished by their value, so there the value counts too.
"""

from collections.abc import Hashable, Sequence
from typing import Any

from lineal.v2beta1 import artifact_pb2, run_pb2

from server.codec.json_columns import (
    canonical_text,
    column_text,
    enum_name,
    enum_of,
    integer_of,
    json_list,
    json_list_as_written,
    text_of,
)
from server.codec.unusable import UnusableValue
from server.codec.values import plain_value, set_value
from storage import lengths
from storage.model import IOType

PARAMETER_KEY_CHARACTERS = lengths.KEY

IO_TYPE_NUMBERS = dict(artifact_pb2.IOType.items())
IO_TYPE_NAMES = {number: name for name, number in IO_TYPE_NUMBERS.items()}

_TOLD_APART_BY_VALUE = {
    IOType.COLLECTED_INPUTS,
    IOType.ITERATOR_INPUT,
    IOType.ITERATOR_INPUT_RAW,
    IOType.ITERATOR_OUTPUT,
}

Parameters = Sequence[run_pb2.PipelineTask.InputOutputs.IOParameter]


def parameters_text(parameters: Parameters, field: str) -> str | None:
    """Return the parameters of a request as they are kept, duplicates too; None when there are none.

    Raises UnusableValue for what cannot be kept.
    """
    if not parameters:
        return None
    return column_text([_plain_parameter(parameter, field) for parameter in parameters], field)


def merge_parameters(text: str | None, update: Parameters, *, field: str) -> str | None:
    """Return the stored parameters with those of the update: one that was there takes its old place, others follow.

    An empty update changes nothing; any other also leaves only the last of stored duplicates. Raises UnusableValue for
    what cannot be kept.
    """
    if not update:
        return text
    plain_parameters = {_merge_key(parameter): parameter for parameter in json_list_as_written(text)}
    for parameter in update:
        plain = _plain_parameter(parameter, field)
        plain_parameters[_merge_key(plain)] = plain
    return column_text(list(plain_parameters.values()), field)


def add_parameters(target: Any, text: str | None) -> None:
    """Write stored parameters into a repeated field of IOParameter."""
    for entry in json_list(text):
        parameter = target.add()
        if "value" in entry:
            set_value(parameter.value, entry["value"])
        parameter.type = enum_of(entry.get("type"), IO_TYPE_NUMBERS)
        parameter.parameter_key = text_of(entry.get("parameterKey"))
        producer = entry.get("producer")
        if isinstance(producer, dict):
            set_producer(parameter.producer, producer)


def plain_producer(producer: artifact_pb2.IOProducer) -> dict[str, Any]:
    """Return a producer as plain JSON."""
    plain: dict[str, Any] = {}
    if producer.task_name:
        plain["taskName"] = producer.task_name
    if producer.HasField("iteration"):
        plain["iteration"] = str(producer.iteration)
    return plain


def set_producer(target: artifact_pb2.IOProducer, plain: dict[str, Any]) -> None:
    """Write a stored producer into a message, which is present afterwards even when empty."""
    target.task_name = text_of(plain.get("taskName"))
    iteration = integer_of(plain.get("iteration"))
    if iteration is not None:
        target.iteration = iteration


def _plain_parameter(parameter: run_pb2.PipelineTask.InputOutputs.IOParameter, field: str) -> dict[str, Any]:
    key = parameter.parameter_key
    if len(key) > PARAMETER_KEY_CHARACTERS:
        raise UnusableValue(f"{field} has a parameter_key of more than {PARAMETER_KEY_CHARACTERS} characters")
    plain: dict[str, Any] = {}
    if parameter.HasField("value"):
        plain["value"] = plain_value(parameter.value, f"{field}[{key}].value")
    if parameter.type:
        plain["type"] = enum_name(parameter.type, IO_TYPE_NAMES, field=f"{field}[{key}].type")
    if key:
        plain["parameterKey"] = key
    if parameter.HasField("producer"):
        plain["producer"] = plain_producer(parameter.producer)
    return plain


def _merge_key(parameter: dict[str, Any]) -> Hashable:
    kind = enum_of(parameter.get("type"), IO_TYPE_NUMBERS)
    producer = parameter.get("producer")
    task_name, iteration = None, None
    if isinstance(producer, dict):
        task_name, iteration = text_of(producer.get("taskName")), integer_of(producer.get("iteration"))
    value = None
    if iteration is None and kind in _TOLD_APART_BY_VALUE and "value" in parameter:
        value = canonical_text(parameter["value"])
    return kind, text_of(parameter.get("parameterKey")), task_name, iteration, value
