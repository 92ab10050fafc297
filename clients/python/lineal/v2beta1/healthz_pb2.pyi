from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class GetHealthzResponse(_message.Message):
    __slots__ = ("multi_user", "pipeline_store", "idempotency_keys", "ids_from_keys")
    MULTI_USER_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_STORE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEYS_FIELD_NUMBER: _ClassVar[int]
    IDS_FROM_KEYS_FIELD_NUMBER: _ClassVar[int]
    multi_user: bool
    pipeline_store: str
    idempotency_keys: bool
    ids_from_keys: bool
    def __init__(self, multi_user: bool = ..., pipeline_store: _Optional[str] = ..., idempotency_keys: bool = ..., ids_from_keys: bool = ...) -> None: ...
