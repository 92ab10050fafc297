"""Parameters as messages, made from values that are checked already: logging one must take microseconds."""

from collections.abc import Iterable, Mapping
from typing import cast

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from lineal._recorder.values import Plain
from lineal.v2beta1.artifact_pb2 import IOProducer
from lineal.v2beta1.task_pb2 import PipelineTask

InputOutputs = PipelineTask.InputOutputs
IOParameter = InputOutputs.IOParameter


def parameter(key: str, value: Plain, type: str, producer: IOProducer | None = None) -> IOParameter:
    """Return an input or output parameter; `type` is the name of an IOType."""
    return IOParameter(parameter_key=key, value=value_of(value), type=type, producer=producer)


def parameters(each: Iterable[IOParameter]) -> InputOutputs:
    """Return one side of a task with these parameters."""
    return InputOutputs(parameters=each)


def producer(task_name: str, iteration: int | None) -> IOProducer:
    """Return what names a task as the producer of something."""
    return IOProducer(task_name=task_name, iteration=iteration)


def value_of(plain: Plain) -> Value:
    """Return plain JSON as a message."""
    if plain is None:
        return Value(null_value=NULL_VALUE)
    if isinstance(plain, bool):
        return Value(bool_value=plain)
    if isinstance(plain, int | float):
        return Value(number_value=plain)
    if isinstance(plain, str):
        return Value(string_value=plain)
    if isinstance(plain, list):
        return Value(list_value=ListValue(values=[value_of(item) for item in plain]))
    fields = {name: value_of(item) for name, item in cast("Mapping[str, Plain]", plain).items()}
    return Value(struct_value=Struct(fields=fields))
