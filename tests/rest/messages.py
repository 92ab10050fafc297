"""Any message that a method of ours takes or gives, for property tests, and what json_format makes of it."""

import json
from typing import Any

from google.protobuf import duration_pb2, json_format, message_factory, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hypothesis import strategies as st

from server.app import APIS

METHODS = [method for api in APIS for method in api.methods]
RESPONSES = sorted({method.response for method in METHODS}, key=lambda response: response.DESCRIPTOR.full_name)
REQUESTS = sorted({method.request for method in METHODS}, key=lambda request: request.DESCRIPTOR.full_name)

TEXT = st.text(max_size=8) | st.sampled_from(
    ["", "\x00\x1f\x7f", '"\\/\b\f\n\r\t', "\u2028\ufeff", "ünïcödé 🚀", "</script>"]
)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 5.0, 1e16, 1e22, 2.0**53])
PLAIN = st.recursive(
    st.none() | st.booleans() | DOUBLE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SECONDS = st.integers(-62_135_596_800, 253_402_300_799)
NANOS = st.sampled_from([0, 1, 999_999_999, 1_000, 123_000_000, 120_000]) | st.integers(0, 999_999_999)
TIME = st.builds(timestamp_pb2.Timestamp, seconds=SECONDS, nanos=NANOS)
STRUCT = st.dictionaries(TEXT, PLAIN, max_size=3).map(lambda plain: json_format.ParseDict(plain, struct_pb2.Struct()))
VALUE = PLAIN.map(lambda plain: json_format.ParseDict(plain, struct_pb2.Value())) | st.just(struct_pb2.Value())
DETAIL = st.one_of(
    st.builds(error_details_pb2.ErrorInfo, reason=TEXT, metadata=st.dictionaries(TEXT, TEXT, max_size=2)),
    st.builds(status_pb2.Status, code=st.integers(-(2**31), 2**31 - 1), message=TEXT),
    st.builds(duration_pb2.Duration, seconds=st.integers(-100, 100)),
    st.builds(error_details_pb2.RetryInfo, retry_delay=st.builds(duration_pb2.Duration, seconds=st.integers(0, 100))),
    st.builds(wrappers_pb2.BytesValue, value=st.binary(max_size=4)),
    TIME,
    STRUCT,
    VALUE,
)

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXT,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: DOUBLE | st.sampled_from([float("inf"), float("-inf"), float("nan")]),
}
_DEPTH = 4


def packed(detail: Message) -> AnyMessage:
    """A message as an error's detail."""
    wrapped = AnyMessage()
    wrapped.Pack(detail)
    return wrapped


_OWN = {
    "google.protobuf.Timestamp": TIME,
    "google.protobuf.Struct": STRUCT,
    "google.protobuf.Value": VALUE,
    "google.protobuf.Any": DETAIL.map(packed) | st.just(AnyMessage()),
}


def messages(descriptor: Any, depth: int = _DEPTH) -> st.SearchStrategy[Any]:
    """Messages of a type, any field set or not; unset is the commoner the deeper it lies."""
    if descriptor.full_name in _OWN:
        return _OWN[descriptor.full_name]
    fields = [field for field in descriptor.fields if depth or field.message_type is None]
    message_class = message_factory.GetMessageClass(descriptor)
    return st.deferred(
        lambda: st.fixed_dictionaries({}, optional={field.name: _values(field, depth) for field in fields})
    ).map(lambda values: message_class(**_one_of_each(descriptor, values)))


def _one_of_each(descriptor: Any, values: dict[str, Any]) -> dict[str, Any]:
    """A oneof's constructor argument that comes later would win; JSON has one of them only."""
    for oneof in descriptor.oneofs:
        for field in [field for field in oneof.fields if field.name in values][1:]:
            del values[field.name]
    return values


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(TEXT, _one(field.message_type.fields_by_name["value"], depth), max_size=2)
    return st.lists(_one(field, depth), max_size=2) if field.is_repeated else _one(field, depth)


def _one(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, depth - 1)
    if field.enum_type is not None:
        return st.sampled_from(sorted(field.enum_type.values_by_number)) | st.integers(90, 99)
    return _SCALARS[field.cpp_type]


def plain_of(message: Message, **options: Any) -> Any:
    """What json_format makes of a message, as plain objects."""
    return json_format.MessageToDict(message, **({"preserving_proto_field_name": True} | options))


def text_of(message: Message) -> str:
    """What json_format and json.dumps make of a message, compact."""
    return json.dumps(plain_of(message), ensure_ascii=False, separators=(",", ":"))
