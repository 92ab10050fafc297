import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from lineal.v2beta1 import artifact_pb2 as _artifact_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PipelineTask(_message.Message):
    __slots__ = ("name", "display_name", "task_id", "run_id", "pods", "cache_fingerprint", "create_time", "end_time", "state", "status_metadata", "state_history", "type", "type_attributes", "parent_task_id", "child_tasks", "inputs", "outputs", "scope_path")
    class TaskPodType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[PipelineTask.TaskPodType]
        DRIVER: _ClassVar[PipelineTask.TaskPodType]
        EXECUTOR: _ClassVar[PipelineTask.TaskPodType]
    UNSPECIFIED: PipelineTask.TaskPodType
    DRIVER: PipelineTask.TaskPodType
    EXECUTOR: PipelineTask.TaskPodType
    class TaskState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        RUNTIME_STATE_UNSPECIFIED: _ClassVar[PipelineTask.TaskState]
        RUNNING: _ClassVar[PipelineTask.TaskState]
        SUCCEEDED: _ClassVar[PipelineTask.TaskState]
        SKIPPED: _ClassVar[PipelineTask.TaskState]
        FAILED: _ClassVar[PipelineTask.TaskState]
        CACHED: _ClassVar[PipelineTask.TaskState]
    RUNTIME_STATE_UNSPECIFIED: PipelineTask.TaskState
    RUNNING: PipelineTask.TaskState
    SUCCEEDED: PipelineTask.TaskState
    SKIPPED: PipelineTask.TaskState
    FAILED: PipelineTask.TaskState
    CACHED: PipelineTask.TaskState
    class TaskType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TASK_TYPE_UNSPECIFIED: _ClassVar[PipelineTask.TaskType]
        ROOT: _ClassVar[PipelineTask.TaskType]
        RUNTIME: _ClassVar[PipelineTask.TaskType]
        CONDITION_BRANCH: _ClassVar[PipelineTask.TaskType]
        CONDITION: _ClassVar[PipelineTask.TaskType]
        LOOP: _ClassVar[PipelineTask.TaskType]
        EXIT_HANDLER: _ClassVar[PipelineTask.TaskType]
        IMPORTER: _ClassVar[PipelineTask.TaskType]
        DAG: _ClassVar[PipelineTask.TaskType]
    TASK_TYPE_UNSPECIFIED: PipelineTask.TaskType
    ROOT: PipelineTask.TaskType
    RUNTIME: PipelineTask.TaskType
    CONDITION_BRANCH: PipelineTask.TaskType
    CONDITION: PipelineTask.TaskType
    LOOP: PipelineTask.TaskType
    EXIT_HANDLER: PipelineTask.TaskType
    IMPORTER: PipelineTask.TaskType
    DAG: PipelineTask.TaskType
    class TaskView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FULL: _ClassVar[PipelineTask.TaskView]
        BASIC: _ClassVar[PipelineTask.TaskView]
    FULL: PipelineTask.TaskView
    BASIC: PipelineTask.TaskView
    class TaskPod(_message.Message):
        __slots__ = ("name", "uid", "type")
        NAME_FIELD_NUMBER: _ClassVar[int]
        UID_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        name: str
        uid: str
        type: PipelineTask.TaskPodType
        def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., type: _Optional[_Union[PipelineTask.TaskPodType, str]] = ...) -> None: ...
    class StatusMetadata(_message.Message):
        __slots__ = ("message", "custom_properties")
        class CustomPropertiesEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: _struct_pb2.Value
            def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
        MESSAGE_FIELD_NUMBER: _ClassVar[int]
        CUSTOM_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
        message: str
        custom_properties: _containers.MessageMap[str, _struct_pb2.Value]
        def __init__(self, message: _Optional[str] = ..., custom_properties: _Optional[_Mapping[str, _struct_pb2.Value]] = ...) -> None: ...
    class TaskStatus(_message.Message):
        __slots__ = ("update_time", "state", "error")
        UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        update_time: _timestamp_pb2.Timestamp
        state: PipelineTask.TaskState
        error: _status_pb2.Status
        def __init__(self, update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[PipelineTask.TaskState, str]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...
    class TypeAttributes(_message.Message):
        __slots__ = ("iteration_index", "iteration_count", "download_to_workspace")
        ITERATION_INDEX_FIELD_NUMBER: _ClassVar[int]
        ITERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
        DOWNLOAD_TO_WORKSPACE_FIELD_NUMBER: _ClassVar[int]
        iteration_index: int
        iteration_count: int
        download_to_workspace: bool
        def __init__(self, iteration_index: _Optional[int] = ..., iteration_count: _Optional[int] = ..., download_to_workspace: bool = ...) -> None: ...
    class ChildTask(_message.Message):
        __slots__ = ("task_id", "name")
        TASK_ID_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        task_id: str
        name: str
        def __init__(self, task_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...
    class InputOutputs(_message.Message):
        __slots__ = ("parameters", "artifacts")
        class IOParameter(_message.Message):
            __slots__ = ("value", "type", "parameter_key", "producer")
            VALUE_FIELD_NUMBER: _ClassVar[int]
            TYPE_FIELD_NUMBER: _ClassVar[int]
            PARAMETER_KEY_FIELD_NUMBER: _ClassVar[int]
            PRODUCER_FIELD_NUMBER: _ClassVar[int]
            value: _struct_pb2.Value
            type: _artifact_pb2.IOType
            parameter_key: str
            producer: _artifact_pb2.IOProducer
            def __init__(self, value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., type: _Optional[_Union[_artifact_pb2.IOType, str]] = ..., parameter_key: _Optional[str] = ..., producer: _Optional[_Union[_artifact_pb2.IOProducer, _Mapping]] = ...) -> None: ...
        class IOArtifact(_message.Message):
            __slots__ = ("artifacts", "type", "artifact_key", "producer")
            ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
            TYPE_FIELD_NUMBER: _ClassVar[int]
            ARTIFACT_KEY_FIELD_NUMBER: _ClassVar[int]
            PRODUCER_FIELD_NUMBER: _ClassVar[int]
            artifacts: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Artifact]
            type: _artifact_pb2.IOType
            artifact_key: str
            producer: _artifact_pb2.IOProducer
            def __init__(self, artifacts: _Optional[_Iterable[_Union[_artifact_pb2.Artifact, _Mapping]]] = ..., type: _Optional[_Union[_artifact_pb2.IOType, str]] = ..., artifact_key: _Optional[str] = ..., producer: _Optional[_Union[_artifact_pb2.IOProducer, _Mapping]] = ...) -> None: ...
        PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
        parameters: _containers.RepeatedCompositeFieldContainer[PipelineTask.InputOutputs.IOParameter]
        artifacts: _containers.RepeatedCompositeFieldContainer[PipelineTask.InputOutputs.IOArtifact]
        def __init__(self, parameters: _Optional[_Iterable[_Union[PipelineTask.InputOutputs.IOParameter, _Mapping]]] = ..., artifacts: _Optional[_Iterable[_Union[PipelineTask.InputOutputs.IOArtifact, _Mapping]]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PODS_FIELD_NUMBER: _ClassVar[int]
    CACHE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATUS_METADATA_FIELD_NUMBER: _ClassVar[int]
    STATE_HISTORY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CHILD_TASKS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    task_id: str
    run_id: str
    pods: _containers.RepeatedCompositeFieldContainer[PipelineTask.TaskPod]
    cache_fingerprint: str
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    state: PipelineTask.TaskState
    status_metadata: PipelineTask.StatusMetadata
    state_history: _containers.RepeatedCompositeFieldContainer[PipelineTask.TaskStatus]
    type: PipelineTask.TaskType
    type_attributes: PipelineTask.TypeAttributes
    parent_task_id: str
    child_tasks: _containers.RepeatedCompositeFieldContainer[PipelineTask.ChildTask]
    inputs: PipelineTask.InputOutputs
    outputs: PipelineTask.InputOutputs
    scope_path: str
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., task_id: _Optional[str] = ..., run_id: _Optional[str] = ..., pods: _Optional[_Iterable[_Union[PipelineTask.TaskPod, _Mapping]]] = ..., cache_fingerprint: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[PipelineTask.TaskState, str]] = ..., status_metadata: _Optional[_Union[PipelineTask.StatusMetadata, _Mapping]] = ..., state_history: _Optional[_Iterable[_Union[PipelineTask.TaskStatus, _Mapping]]] = ..., type: _Optional[_Union[PipelineTask.TaskType, str]] = ..., type_attributes: _Optional[_Union[PipelineTask.TypeAttributes, _Mapping]] = ..., parent_task_id: _Optional[str] = ..., child_tasks: _Optional[_Iterable[_Union[PipelineTask.ChildTask, _Mapping]]] = ..., inputs: _Optional[_Union[PipelineTask.InputOutputs, _Mapping]] = ..., outputs: _Optional[_Union[PipelineTask.InputOutputs, _Mapping]] = ..., scope_path: _Optional[str] = ...) -> None: ...

class CreateTaskRequest(_message.Message):
    __slots__ = ("task", "run_id")
    TASK_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    task: PipelineTask
    run_id: str
    def __init__(self, task: _Optional[_Union[PipelineTask, _Mapping]] = ..., run_id: _Optional[str] = ...) -> None: ...

class UpdateTaskRequest(_message.Message):
    __slots__ = ("task_id", "task", "run_id", "task_view")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_VIEW_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    task: PipelineTask
    run_id: str
    task_view: PipelineTask.TaskView
    def __init__(self, task_id: _Optional[str] = ..., task: _Optional[_Union[PipelineTask, _Mapping]] = ..., run_id: _Optional[str] = ..., task_view: _Optional[_Union[PipelineTask.TaskView, str]] = ...) -> None: ...

class UpdateTasksBulkRequest(_message.Message):
    __slots__ = ("tasks", "run_id", "task_view")
    class TasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: PipelineTask
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[PipelineTask, _Mapping]] = ...) -> None: ...
    TASKS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_VIEW_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.MessageMap[str, PipelineTask]
    run_id: str
    task_view: PipelineTask.TaskView
    def __init__(self, tasks: _Optional[_Mapping[str, PipelineTask]] = ..., run_id: _Optional[str] = ..., task_view: _Optional[_Union[PipelineTask.TaskView, str]] = ...) -> None: ...

class UpdateTasksBulkResponse(_message.Message):
    __slots__ = ("tasks",)
    class TasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: PipelineTask
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[PipelineTask, _Mapping]] = ...) -> None: ...
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.MessageMap[str, PipelineTask]
    def __init__(self, tasks: _Optional[_Mapping[str, PipelineTask]] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("task_id", "run_id", "task_view")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_VIEW_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    run_id: str
    task_view: PipelineTask.TaskView
    def __init__(self, task_id: _Optional[str] = ..., run_id: _Optional[str] = ..., task_view: _Optional[_Union[PipelineTask.TaskView, str]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("run_id", "parent_id", "page_size", "page_token", "filter", "order_by", "task_view", "skip_total_size")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    TASK_VIEW_FIELD_NUMBER: _ClassVar[int]
    SKIP_TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    parent_id: str
    page_size: int
    page_token: str
    filter: str
    order_by: str
    task_view: PipelineTask.TaskView
    skip_total_size: bool
    def __init__(self, run_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[str] = ..., task_view: _Optional[_Union[PipelineTask.TaskView, str]] = ..., skip_total_size: bool = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token", "total_size")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[PipelineTask]
    next_page_token: str
    total_size: int
    def __init__(self, tasks: _Optional[_Iterable[_Union[PipelineTask, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class FindCachedTaskRequest(_message.Message):
    __slots__ = ("namespace", "cache_fingerprint")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CACHE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    cache_fingerprint: str
    def __init__(self, namespace: _Optional[str] = ..., cache_fingerprint: _Optional[str] = ...) -> None: ...

class FindCachedTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: PipelineTask
    def __init__(self, task: _Optional[_Union[PipelineTask, _Mapping]] = ...) -> None: ...
