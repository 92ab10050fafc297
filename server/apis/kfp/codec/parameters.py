"""Parameters of a task and producers: messages ⇄ documents. `tasks` and `artifacts` of the codec call this."""

from collections.abc import Sequence

from lineal.v2beta1 import artifact_pb2, run_pb2

from server.apis.kfp.codec.enums import IO_TYPES
from server.rules.unusable import check_enum
from server.well_known.values import plain_value
from storage.documents.parameters import NO_VALUE, Parameter, Producer


def parameters_from_request(
    messages: Sequence[run_pb2.PipelineTask.InputOutputs.IOParameter], field: str
) -> list[Parameter]:
    """Return the parameters of a request. Raises UnusableValue for a value that cannot be stored."""
    return [_parameter(message, field) for message in messages]


def producer_from_request(message: artifact_pb2.IOProducer) -> Producer:
    """Return the producer of a request."""
    return Producer(message.task_name, message.iteration if message.HasField("iteration") else None)


def set_producer(target: artifact_pb2.IOProducer, producer: Producer) -> None:
    """Write a producer into a message, which is present afterwards even when empty."""
    target.task_name = producer.task_name
    if producer.iteration is not None:
        target.iteration = producer.iteration


def _parameter(message: run_pb2.PipelineTask.InputOutputs.IOParameter, field: str) -> Parameter:
    key = message.parameter_key
    if message.type not in IO_TYPES:  # not check_enum, which wants the name of the field also when all is well
        check_enum(f"{field}[{key}].type", message.type, IO_TYPES)
    return Parameter(
        key,
        message.type,
        plain_value(message.value, f"{field}[{key}].value") if message.HasField("value") else NO_VALUE,
        producer_from_request(message.producer) if message.HasField("producer") else None,
    )
