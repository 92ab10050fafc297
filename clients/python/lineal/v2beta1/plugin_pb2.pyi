from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PluginState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLUGIN_STATE_UNSPECIFIED: _ClassVar[PluginState]
    PLUGIN_RUNNING: _ClassVar[PluginState]
    PLUGIN_SUCCEEDED: _ClassVar[PluginState]
    PLUGIN_FAILED: _ClassVar[PluginState]
PLUGIN_STATE_UNSPECIFIED: PluginState
PLUGIN_RUNNING: PluginState
PLUGIN_SUCCEEDED: PluginState
PLUGIN_FAILED: PluginState

class MetadataValue(_message.Message):
    __slots__ = ("value", "render_type")
    class RenderType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[MetadataValue.RenderType]
        URL: _ClassVar[MetadataValue.RenderType]
    UNSPECIFIED: MetadataValue.RenderType
    URL: MetadataValue.RenderType
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RENDER_TYPE_FIELD_NUMBER: _ClassVar[int]
    value: _struct_pb2.Value
    render_type: MetadataValue.RenderType
    def __init__(self, value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., render_type: _Optional[_Union[MetadataValue.RenderType, str]] = ...) -> None: ...

class PluginOutput(_message.Message):
    __slots__ = ("entries", "state", "state_message")
    class EntriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: MetadataValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[MetadataValue, _Mapping]] = ...) -> None: ...
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.MessageMap[str, MetadataValue]
    state: PluginState
    state_message: str
    def __init__(self, entries: _Optional[_Mapping[str, MetadataValue]] = ..., state: _Optional[_Union[PluginState, str]] = ..., state_message: _Optional[str] = ...) -> None: ...
