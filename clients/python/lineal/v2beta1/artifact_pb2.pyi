import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IOType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNSPECIFIED: _ClassVar[IOType]
    COMPONENT_DEFAULT_INPUT: _ClassVar[IOType]
    TASK_OUTPUT_INPUT: _ClassVar[IOType]
    COMPONENT_INPUT: _ClassVar[IOType]
    RUNTIME_VALUE_INPUT: _ClassVar[IOType]
    COLLECTED_INPUTS: _ClassVar[IOType]
    ITERATOR_INPUT: _ClassVar[IOType]
    ITERATOR_INPUT_RAW: _ClassVar[IOType]
    ITERATOR_OUTPUT: _ClassVar[IOType]
    OUTPUT: _ClassVar[IOType]
    ONE_OF_OUTPUT: _ClassVar[IOType]
    TASK_FINAL_STATUS_OUTPUT: _ClassVar[IOType]
UNSPECIFIED: IOType
COMPONENT_DEFAULT_INPUT: IOType
TASK_OUTPUT_INPUT: IOType
COMPONENT_INPUT: IOType
RUNTIME_VALUE_INPUT: IOType
COLLECTED_INPUTS: IOType
ITERATOR_INPUT: IOType
ITERATOR_INPUT_RAW: IOType
ITERATOR_OUTPUT: IOType
OUTPUT: IOType
ONE_OF_OUTPUT: IOType
TASK_FINAL_STATUS_OUTPUT: IOType

class CreateArtifactRequest(_message.Message):
    __slots__ = ("artifact", "run_id", "task_id", "producer_key", "iteration_index", "reuse_if_exists")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_KEY_FIELD_NUMBER: _ClassVar[int]
    ITERATION_INDEX_FIELD_NUMBER: _ClassVar[int]
    REUSE_IF_EXISTS_FIELD_NUMBER: _ClassVar[int]
    artifact: Artifact
    run_id: str
    task_id: str
    producer_key: str
    iteration_index: int
    reuse_if_exists: bool
    def __init__(self, artifact: _Optional[_Union[Artifact, _Mapping]] = ..., run_id: _Optional[str] = ..., task_id: _Optional[str] = ..., producer_key: _Optional[str] = ..., iteration_index: _Optional[int] = ..., reuse_if_exists: bool = ...) -> None: ...

class CreateArtifactsBulkRequest(_message.Message):
    __slots__ = ("artifacts",)
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[CreateArtifactRequest]
    def __init__(self, artifacts: _Optional[_Iterable[_Union[CreateArtifactRequest, _Mapping]]] = ...) -> None: ...

class CreateArtifactsBulkResponse(_message.Message):
    __slots__ = ("artifacts",)
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    def __init__(self, artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ...) -> None: ...

class GetArtifactRequest(_message.Message):
    __slots__ = ("artifact_id",)
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    def __init__(self, artifact_id: _Optional[str] = ...) -> None: ...

class ListArtifactRequest(_message.Message):
    __slots__ = ("namespace", "page_token", "page_size", "sort_by", "filter", "skip_total_size")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SORT_BY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SKIP_TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    page_token: str
    page_size: int
    sort_by: str
    filter: str
    skip_total_size: bool
    def __init__(self, namespace: _Optional[str] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ..., sort_by: _Optional[str] = ..., filter: _Optional[str] = ..., skip_total_size: bool = ...) -> None: ...

class ListArtifactResponse(_message.Message):
    __slots__ = ("artifacts", "total_size", "next_page_token")
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    total_size: int
    next_page_token: str
    def __init__(self, artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListArtifactTasksRequest(_message.Message):
    __slots__ = ("task_ids", "run_ids", "artifact_ids", "type", "page_token", "page_size", "sort_by", "filter", "skip_total_size")
    TASK_IDS_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_IDS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SORT_BY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SKIP_TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    task_ids: _containers.RepeatedScalarFieldContainer[str]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    artifact_ids: _containers.RepeatedScalarFieldContainer[str]
    type: IOType
    page_token: str
    page_size: int
    sort_by: str
    filter: str
    skip_total_size: bool
    def __init__(self, task_ids: _Optional[_Iterable[str]] = ..., run_ids: _Optional[_Iterable[str]] = ..., artifact_ids: _Optional[_Iterable[str]] = ..., type: _Optional[_Union[IOType, str]] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ..., sort_by: _Optional[str] = ..., filter: _Optional[str] = ..., skip_total_size: bool = ...) -> None: ...

class ListArtifactTasksResponse(_message.Message):
    __slots__ = ("artifact_tasks", "total_size", "next_page_token")
    ARTIFACT_TASKS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artifact_tasks: _containers.RepeatedCompositeFieldContainer[ArtifactTask]
    total_size: int
    next_page_token: str
    def __init__(self, artifact_tasks: _Optional[_Iterable[_Union[ArtifactTask, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateArtifactTaskRequest(_message.Message):
    __slots__ = ("artifact_task",)
    ARTIFACT_TASK_FIELD_NUMBER: _ClassVar[int]
    artifact_task: ArtifactTask
    def __init__(self, artifact_task: _Optional[_Union[ArtifactTask, _Mapping]] = ...) -> None: ...

class CreateArtifactTasksBulkRequest(_message.Message):
    __slots__ = ("artifact_tasks",)
    ARTIFACT_TASKS_FIELD_NUMBER: _ClassVar[int]
    artifact_tasks: _containers.RepeatedCompositeFieldContainer[ArtifactTask]
    def __init__(self, artifact_tasks: _Optional[_Iterable[_Union[ArtifactTask, _Mapping]]] = ...) -> None: ...

class CreateArtifactTasksBulkResponse(_message.Message):
    __slots__ = ("artifact_tasks",)
    ARTIFACT_TASKS_FIELD_NUMBER: _ClassVar[int]
    artifact_tasks: _containers.RepeatedCompositeFieldContainer[ArtifactTask]
    def __init__(self, artifact_tasks: _Optional[_Iterable[_Union[ArtifactTask, _Mapping]]] = ...) -> None: ...

class IOProducer(_message.Message):
    __slots__ = ("task_name", "iteration")
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    task_name: str
    iteration: int
    def __init__(self, task_name: _Optional[str] = ..., iteration: _Optional[int] = ...) -> None: ...

class ArtifactTask(_message.Message):
    __slots__ = ("id", "artifact_id", "run_id", "task_id", "type", "producer", "key")
    ID_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    artifact_id: str
    run_id: str
    task_id: str
    type: IOType
    producer: IOProducer
    key: str
    def __init__(self, id: _Optional[str] = ..., artifact_id: _Optional[str] = ..., run_id: _Optional[str] = ..., task_id: _Optional[str] = ..., type: _Optional[_Union[IOType, str]] = ..., producer: _Optional[_Union[IOProducer, _Mapping]] = ..., key: _Optional[str] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("artifact_id", "name", "description", "type", "uri", "metadata", "number_value", "created_at", "namespace")
    class ArtifactType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[Artifact.ArtifactType]
        Artifact: _ClassVar[Artifact.ArtifactType]
        Model: _ClassVar[Artifact.ArtifactType]
        Dataset: _ClassVar[Artifact.ArtifactType]
        HTML: _ClassVar[Artifact.ArtifactType]
        Markdown: _ClassVar[Artifact.ArtifactType]
        Metric: _ClassVar[Artifact.ArtifactType]
        ClassificationMetric: _ClassVar[Artifact.ArtifactType]
        SlicedClassificationMetric: _ClassVar[Artifact.ArtifactType]
    TYPE_UNSPECIFIED: Artifact.ArtifactType
    Artifact: Artifact.ArtifactType
    Model: Artifact.ArtifactType
    Dataset: Artifact.ArtifactType
    HTML: Artifact.ArtifactType
    Markdown: Artifact.ArtifactType
    Metric: Artifact.ArtifactType
    ClassificationMetric: Artifact.ArtifactType
    SlicedClassificationMetric: Artifact.ArtifactType
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    NUMBER_VALUE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: str
    description: str
    type: Artifact.ArtifactType
    uri: str
    metadata: _containers.MessageMap[str, _struct_pb2.Value]
    number_value: float
    created_at: _timestamp_pb2.Timestamp
    namespace: str
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., type: _Optional[_Union[Artifact.ArtifactType, str]] = ..., uri: _Optional[str] = ..., metadata: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., number_value: _Optional[float] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., namespace: _Optional[str] = ...) -> None: ...
