import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from lineal.v1 import lineage_pb2 as _lineage_pb2
from lineal.v1 import runs_pb2 as _runs_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetArtifactReportRequest(_message.Message):
    __slots__ = ("artifact_id",)
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    def __init__(self, artifact_id: _Optional[str] = ...) -> None: ...

class ArtifactReport(_message.Message):
    __slots__ = ("artifact", "description", "metadata", "metadata_characters_left_out", "origin", "makers", "more_makers", "others", "more_others", "written", "recipe", "older", "more_older", "younger", "more_younger", "consumers", "more_consumers", "roc_curve", "confusion_matrix", "series")
    class Origin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ORIGIN_UNSPECIFIED: _ClassVar[ArtifactReport.Origin]
        NOT_RECORDED: _ClassVar[ArtifactReport.Origin]
        MADE: _ClassVar[ArtifactReport.Origin]
        IMPORTED: _ClassVar[ArtifactReport.Origin]
        CACHED: _ClassVar[ArtifactReport.Origin]
        GROUP: _ClassVar[ArtifactReport.Origin]
    ORIGIN_UNSPECIFIED: ArtifactReport.Origin
    NOT_RECORDED: ArtifactReport.Origin
    MADE: ArtifactReport.Origin
    IMPORTED: ArtifactReport.Origin
    CACHED: ArtifactReport.Origin
    GROUP: ArtifactReport.Origin
    class Producer(_message.Message):
        __slots__ = ("origin", "task", "run", "key", "iteration")
        ORIGIN_FIELD_NUMBER: _ClassVar[int]
        TASK_FIELD_NUMBER: _ClassVar[int]
        RUN_FIELD_NUMBER: _ClassVar[int]
        KEY_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        origin: ArtifactReport.Origin
        task: _lineage_pb2.Node
        run: _lineage_pb2.Node
        key: str
        iteration: int
        def __init__(self, origin: _Optional[_Union[ArtifactReport.Origin, str]] = ..., task: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., run: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., key: _Optional[str] = ..., iteration: _Optional[int] = ...) -> None: ...
    class Source(_message.Message):
        __slots__ = ("artifact", "origin", "task", "run", "written")
        ARTIFACT_FIELD_NUMBER: _ClassVar[int]
        ORIGIN_FIELD_NUMBER: _ClassVar[int]
        TASK_FIELD_NUMBER: _ClassVar[int]
        RUN_FIELD_NUMBER: _ClassVar[int]
        WRITTEN_FIELD_NUMBER: _ClassVar[int]
        artifact: _lineage_pb2.Node
        origin: ArtifactReport.Origin
        task: _lineage_pb2.Node
        run: _lineage_pb2.Node
        written: ArtifactReport.Source
        def __init__(self, artifact: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., origin: _Optional[_Union[ArtifactReport.Origin, str]] = ..., task: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., run: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., written: _Optional[_Union[ArtifactReport.Source, _Mapping]] = ...) -> None: ...
    class Recipe(_message.Message):
        __slots__ = ("path", "started_at", "finished_at", "run", "experiment_id", "experiment_name", "pipeline_id", "pipeline_name", "pipeline_version_id", "pipeline_version_name", "image", "parameters", "more_parameters", "run_parameters", "more_run_parameters", "inputs", "more_inputs", "metrics", "more_metrics", "run_metrics")
        PATH_FIELD_NUMBER: _ClassVar[int]
        STARTED_AT_FIELD_NUMBER: _ClassVar[int]
        FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
        RUN_FIELD_NUMBER: _ClassVar[int]
        EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
        EXPERIMENT_NAME_FIELD_NUMBER: _ClassVar[int]
        PIPELINE_ID_FIELD_NUMBER: _ClassVar[int]
        PIPELINE_NAME_FIELD_NUMBER: _ClassVar[int]
        PIPELINE_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
        PIPELINE_VERSION_NAME_FIELD_NUMBER: _ClassVar[int]
        IMAGE_FIELD_NUMBER: _ClassVar[int]
        PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        MORE_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        RUN_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        MORE_RUN_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        INPUTS_FIELD_NUMBER: _ClassVar[int]
        MORE_INPUTS_FIELD_NUMBER: _ClassVar[int]
        METRICS_FIELD_NUMBER: _ClassVar[int]
        MORE_METRICS_FIELD_NUMBER: _ClassVar[int]
        RUN_METRICS_FIELD_NUMBER: _ClassVar[int]
        path: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Step]
        started_at: _timestamp_pb2.Timestamp
        finished_at: _timestamp_pb2.Timestamp
        run: _lineage_pb2.Node
        experiment_id: str
        experiment_name: str
        pipeline_id: str
        pipeline_name: str
        pipeline_version_id: str
        pipeline_version_name: str
        image: str
        parameters: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Parameter]
        more_parameters: bool
        run_parameters: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Parameter]
        more_run_parameters: bool
        inputs: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Taken]
        more_inputs: bool
        metrics: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Metric]
        more_metrics: bool
        run_metrics: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Metric]
        def __init__(self, path: _Optional[_Iterable[_Union[ArtifactReport.Step, _Mapping]]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., run: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., experiment_id: _Optional[str] = ..., experiment_name: _Optional[str] = ..., pipeline_id: _Optional[str] = ..., pipeline_name: _Optional[str] = ..., pipeline_version_id: _Optional[str] = ..., pipeline_version_name: _Optional[str] = ..., image: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[ArtifactReport.Parameter, _Mapping]]] = ..., more_parameters: bool = ..., run_parameters: _Optional[_Iterable[_Union[ArtifactReport.Parameter, _Mapping]]] = ..., more_run_parameters: bool = ..., inputs: _Optional[_Iterable[_Union[ArtifactReport.Taken, _Mapping]]] = ..., more_inputs: bool = ..., metrics: _Optional[_Iterable[_Union[ArtifactReport.Metric, _Mapping]]] = ..., more_metrics: bool = ..., run_metrics: _Optional[_Iterable[_Union[ArtifactReport.Metric, _Mapping]]] = ...) -> None: ...
    class Step(_message.Message):
        __slots__ = ("ref", "name", "iteration")
        REF_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        ref: str
        name: str
        iteration: int
        def __init__(self, ref: _Optional[str] = ..., name: _Optional[str] = ..., iteration: _Optional[int] = ...) -> None: ...
    class Parameter(_message.Message):
        __slots__ = ("name", "text", "number")
        NAME_FIELD_NUMBER: _ClassVar[int]
        TEXT_FIELD_NUMBER: _ClassVar[int]
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        name: str
        text: str
        number: float
        def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., number: _Optional[float] = ...) -> None: ...
    class Taken(_message.Message):
        __slots__ = ("key", "iteration", "source")
        KEY_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        SOURCE_FIELD_NUMBER: _ClassVar[int]
        key: str
        iteration: int
        source: ArtifactReport.Source
        def __init__(self, key: _Optional[str] = ..., iteration: _Optional[int] = ..., source: _Optional[_Union[ArtifactReport.Source, _Mapping]] = ...) -> None: ...
    class Metric(_message.Message):
        __slots__ = ("artifact", "task")
        ARTIFACT_FIELD_NUMBER: _ClassVar[int]
        TASK_FIELD_NUMBER: _ClassVar[int]
        artifact: _lineage_pb2.Node
        task: _lineage_pb2.Node
        def __init__(self, artifact: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., task: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ...) -> None: ...
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_CHARACTERS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    MAKERS_FIELD_NUMBER: _ClassVar[int]
    MORE_MAKERS_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    MORE_OTHERS_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    OLDER_FIELD_NUMBER: _ClassVar[int]
    MORE_OLDER_FIELD_NUMBER: _ClassVar[int]
    YOUNGER_FIELD_NUMBER: _ClassVar[int]
    MORE_YOUNGER_FIELD_NUMBER: _ClassVar[int]
    CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    MORE_CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    ROC_CURVE_FIELD_NUMBER: _ClassVar[int]
    CONFUSION_MATRIX_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    artifact: _lineage_pb2.Node
    description: str
    metadata: _struct_pb2.Struct
    metadata_characters_left_out: int
    origin: ArtifactReport.Origin
    makers: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Producer]
    more_makers: bool
    others: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Producer]
    more_others: bool
    written: ArtifactReport.Source
    recipe: ArtifactReport.Recipe
    older: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Source]
    more_older: bool
    younger: _containers.RepeatedCompositeFieldContainer[ArtifactReport.Source]
    more_younger: bool
    consumers: int
    more_consumers: bool
    roc_curve: _runs_pb2.RocCurve
    confusion_matrix: _runs_pb2.ConfusionMatrix
    series: _runs_pb2.MetricSeries
    def __init__(self, artifact: _Optional[_Union[_lineage_pb2.Node, _Mapping]] = ..., description: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metadata_characters_left_out: _Optional[int] = ..., origin: _Optional[_Union[ArtifactReport.Origin, str]] = ..., makers: _Optional[_Iterable[_Union[ArtifactReport.Producer, _Mapping]]] = ..., more_makers: bool = ..., others: _Optional[_Iterable[_Union[ArtifactReport.Producer, _Mapping]]] = ..., more_others: bool = ..., written: _Optional[_Union[ArtifactReport.Source, _Mapping]] = ..., recipe: _Optional[_Union[ArtifactReport.Recipe, _Mapping]] = ..., older: _Optional[_Iterable[_Union[ArtifactReport.Source, _Mapping]]] = ..., more_older: bool = ..., younger: _Optional[_Iterable[_Union[ArtifactReport.Source, _Mapping]]] = ..., more_younger: bool = ..., consumers: _Optional[int] = ..., more_consumers: bool = ..., roc_curve: _Optional[_Union[_runs_pb2.RocCurve, _Mapping]] = ..., confusion_matrix: _Optional[_Union[_runs_pb2.ConfusionMatrix, _Mapping]] = ..., series: _Optional[_Union[_runs_pb2.MetricSeries, _Mapping]] = ...) -> None: ...
