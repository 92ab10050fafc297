import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetOverviewRequest(_message.Message):
    __slots__ = ("namespace", "latest")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    latest: int
    def __init__(self, namespace: _Optional[str] = ..., latest: _Optional[int] = ...) -> None: ...

class Overview(_message.Message):
    __slots__ = ("states", "running", "failed_lately", "quiet", "latest", "ui_url")
    class Count(_message.Message):
        __slots__ = ("count", "more")
        COUNT_FIELD_NUMBER: _ClassVar[int]
        MORE_FIELD_NUMBER: _ClassVar[int]
        count: int
        more: bool
        def __init__(self, count: _Optional[int] = ..., more: bool = ...) -> None: ...
    class StateCount(_message.Message):
        __slots__ = ("state", "runs")
        STATE_FIELD_NUMBER: _ClassVar[int]
        RUNS_FIELD_NUMBER: _ClassVar[int]
        state: str
        runs: Overview.Count
        def __init__(self, state: _Optional[str] = ..., runs: _Optional[_Union[Overview.Count, _Mapping]] = ...) -> None: ...
    STATES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    FAILED_LATELY_FIELD_NUMBER: _ClassVar[int]
    QUIET_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    UI_URL_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedCompositeFieldContainer[Overview.StateCount]
    running: Overview.Count
    failed_lately: Overview.Count
    quiet: _containers.RepeatedCompositeFieldContainer[RunSummary]
    latest: _containers.RepeatedCompositeFieldContainer[RunSummary]
    ui_url: str
    def __init__(self, states: _Optional[_Iterable[_Union[Overview.StateCount, _Mapping]]] = ..., running: _Optional[_Union[Overview.Count, _Mapping]] = ..., failed_lately: _Optional[_Union[Overview.Count, _Mapping]] = ..., quiet: _Optional[_Iterable[_Union[RunSummary, _Mapping]]] = ..., latest: _Optional[_Iterable[_Union[RunSummary, _Mapping]]] = ..., ui_url: _Optional[str] = ...) -> None: ...

class RunSummary(_message.Message):
    __slots__ = ("run_id", "display_name", "state", "archived", "namespace", "experiment_id", "pipeline_id", "pipeline_version_id", "created_at", "finished_at", "updated_at", "failed", "metrics", "columns", "experiment_name", "pipeline_name", "pipeline_version_name")
    class ColumnsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    class FailedTask(_message.Message):
        __slots__ = ("task_id", "name", "message")
        TASK_ID_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        MESSAGE_FIELD_NUMBER: _ClassVar[int]
        task_id: str
        name: str
        message: str
        def __init__(self, task_id: _Optional[str] = ..., name: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
    class Metric(_message.Message):
        __slots__ = ("name", "value", "artifact_id")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
        name: str
        value: float
        artifact_id: str
        def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., artifact_id: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_ID_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_NAME_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_VERSION_NAME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    display_name: str
    state: str
    archived: bool
    namespace: str
    experiment_id: str
    pipeline_id: str
    pipeline_version_id: str
    created_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    failed: RunSummary.FailedTask
    metrics: _containers.RepeatedCompositeFieldContainer[RunSummary.Metric]
    columns: _containers.MessageMap[str, _struct_pb2.Value]
    experiment_name: str
    pipeline_name: str
    pipeline_version_name: str
    def __init__(self, run_id: _Optional[str] = ..., display_name: _Optional[str] = ..., state: _Optional[str] = ..., archived: bool = ..., namespace: _Optional[str] = ..., experiment_id: _Optional[str] = ..., pipeline_id: _Optional[str] = ..., pipeline_version_id: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failed: _Optional[_Union[RunSummary.FailedTask, _Mapping]] = ..., metrics: _Optional[_Iterable[_Union[RunSummary.Metric, _Mapping]]] = ..., columns: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., experiment_name: _Optional[str] = ..., pipeline_name: _Optional[str] = ..., pipeline_version_name: _Optional[str] = ...) -> None: ...

class ListRunSummariesRequest(_message.Message):
    __slots__ = ("namespace", "experiment_id", "page_token", "page_size", "sort_by", "filter", "columns")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SORT_BY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    experiment_id: str
    page_token: str
    page_size: int
    sort_by: str
    filter: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., experiment_id: _Optional[str] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ..., sort_by: _Optional[str] = ..., filter: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ...) -> None: ...

class ListRunSummariesResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunSummary]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[RunSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
