import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpdateArtifactRequest(_message.Message):
    __slots__ = ("artifact_id", "metadata", "number_value")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    NUMBER_VALUE_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    metadata: _struct_pb2.Struct
    number_value: float
    def __init__(self, artifact_id: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., number_value: _Optional[float] = ...) -> None: ...

class UpdateArtifactResponse(_message.Message):
    __slots__ = ("artifact_id", "number_value", "points", "updated_at")
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_VALUE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    number_value: float
    points: int
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, artifact_id: _Optional[str] = ..., number_value: _Optional[float] = ..., points: _Optional[int] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
