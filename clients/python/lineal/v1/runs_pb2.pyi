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

class GetRunReportRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class RunReport(_message.Message):
    __slots__ = ("run_id", "display_name", "description", "state", "archived", "namespace", "experiment_id", "experiment_name", "pipeline_id", "pipeline_name", "pipeline_version_id", "pipeline_version_name", "created_at", "finished_at", "updated_at", "retries", "error", "has_specification", "progress", "blame", "message", "failed_after_seconds", "pods", "differences", "unreached", "unreached_more", "parameters", "metrics", "artifacts", "artifacts_more", "roc_curves", "confusion_matrices", "series")
    class BlamedTask(_message.Message):
        __slots__ = ("task_id", "name", "type", "state", "iteration", "message")
        TASK_ID_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        MESSAGE_FIELD_NUMBER: _ClassVar[int]
        task_id: str
        name: str
        type: str
        state: str
        iteration: int
        message: str
        def __init__(self, task_id: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., state: _Optional[str] = ..., iteration: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...
    class Pod(_message.Message):
        __slots__ = ("name", "type", "log_command")
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        LOG_COMMAND_FIELD_NUMBER: _ClassVar[int]
        name: str
        type: str
        log_command: str
        def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., log_command: _Optional[str] = ...) -> None: ...
    class UnreachedTask(_message.Message):
        __slots__ = ("name", "groups", "places")
        NAME_FIELD_NUMBER: _ClassVar[int]
        GROUPS_FIELD_NUMBER: _ClassVar[int]
        PLACES_FIELD_NUMBER: _ClassVar[int]
        name: str
        groups: _containers.RepeatedScalarFieldContainer[str]
        places: int
        def __init__(self, name: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ..., places: _Optional[int] = ...) -> None: ...
    class RunParameter(_message.Message):
        __slots__ = ("name", "value")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        name: str
        value: _struct_pb2.Value
        def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    class RunMetric(_message.Message):
        __slots__ = ("name", "value", "artifact_id")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
        name: str
        value: float
        artifact_id: str
        def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., artifact_id: _Optional[str] = ...) -> None: ...
    class MadeArtifact(_message.Message):
        __slots__ = ("artifact_id", "name", "type", "uri", "key", "task_id", "task_name", "iteration", "number")
        ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        URI_FIELD_NUMBER: _ClassVar[int]
        KEY_FIELD_NUMBER: _ClassVar[int]
        TASK_ID_FIELD_NUMBER: _ClassVar[int]
        TASK_NAME_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        artifact_id: str
        name: str
        type: str
        uri: str
        key: str
        task_id: str
        task_name: str
        iteration: int
        number: float
        def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., uri: _Optional[str] = ..., key: _Optional[str] = ..., task_id: _Optional[str] = ..., task_name: _Optional[str] = ..., iteration: _Optional[int] = ..., number: _Optional[float] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_ID_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_NAME_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_VERSION_NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    HAS_SPECIFICATION_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    BLAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FAILED_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PODS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    UNREACHED_FIELD_NUMBER: _ClassVar[int]
    UNREACHED_MORE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_MORE_FIELD_NUMBER: _ClassVar[int]
    ROC_CURVES_FIELD_NUMBER: _ClassVar[int]
    CONFUSION_MATRICES_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    display_name: str
    description: str
    state: str
    archived: bool
    namespace: str
    experiment_id: str
    experiment_name: str
    pipeline_id: str
    pipeline_name: str
    pipeline_version_id: str
    pipeline_version_name: str
    created_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    retries: int
    error: str
    has_specification: bool
    progress: RunProgress
    blame: _containers.RepeatedCompositeFieldContainer[RunReport.BlamedTask]
    message: str
    failed_after_seconds: float
    pods: _containers.RepeatedCompositeFieldContainer[RunReport.Pod]
    differences: RunDifferences
    unreached: _containers.RepeatedCompositeFieldContainer[RunReport.UnreachedTask]
    unreached_more: bool
    parameters: _containers.RepeatedCompositeFieldContainer[RunReport.RunParameter]
    metrics: _containers.RepeatedCompositeFieldContainer[RunReport.RunMetric]
    artifacts: _containers.RepeatedCompositeFieldContainer[RunReport.MadeArtifact]
    artifacts_more: bool
    roc_curves: _containers.RepeatedCompositeFieldContainer[RocCurve]
    confusion_matrices: _containers.RepeatedCompositeFieldContainer[ConfusionMatrix]
    series: _containers.RepeatedCompositeFieldContainer[MetricSeries]
    def __init__(self, run_id: _Optional[str] = ..., display_name: _Optional[str] = ..., description: _Optional[str] = ..., state: _Optional[str] = ..., archived: bool = ..., namespace: _Optional[str] = ..., experiment_id: _Optional[str] = ..., experiment_name: _Optional[str] = ..., pipeline_id: _Optional[str] = ..., pipeline_name: _Optional[str] = ..., pipeline_version_id: _Optional[str] = ..., pipeline_version_name: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retries: _Optional[int] = ..., error: _Optional[str] = ..., has_specification: bool = ..., progress: _Optional[_Union[RunProgress, _Mapping]] = ..., blame: _Optional[_Iterable[_Union[RunReport.BlamedTask, _Mapping]]] = ..., message: _Optional[str] = ..., failed_after_seconds: _Optional[float] = ..., pods: _Optional[_Iterable[_Union[RunReport.Pod, _Mapping]]] = ..., differences: _Optional[_Union[RunDifferences, _Mapping]] = ..., unreached: _Optional[_Iterable[_Union[RunReport.UnreachedTask, _Mapping]]] = ..., unreached_more: bool = ..., parameters: _Optional[_Iterable[_Union[RunReport.RunParameter, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[RunReport.RunMetric, _Mapping]]] = ..., artifacts: _Optional[_Iterable[_Union[RunReport.MadeArtifact, _Mapping]]] = ..., artifacts_more: bool = ..., roc_curves: _Optional[_Iterable[_Union[RocCurve, _Mapping]]] = ..., confusion_matrices: _Optional[_Iterable[_Union[ConfusionMatrix, _Mapping]]] = ..., series: _Optional[_Iterable[_Union[MetricSeries, _Mapping]]] = ...) -> None: ...

class RunDifferences(_message.Message):
    __slots__ = ("run_id", "run_name", "task_id", "inputs", "same", "more")
    class Difference(_message.Message):
        __slots__ = ("key", "artifact", "here", "there")
        KEY_FIELD_NUMBER: _ClassVar[int]
        ARTIFACT_FIELD_NUMBER: _ClassVar[int]
        HERE_FIELD_NUMBER: _ClassVar[int]
        THERE_FIELD_NUMBER: _ClassVar[int]
        key: str
        artifact: bool
        here: _containers.RepeatedCompositeFieldContainer[RunDifferences.Given]
        there: _containers.RepeatedCompositeFieldContainer[RunDifferences.Given]
        def __init__(self, key: _Optional[str] = ..., artifact: bool = ..., here: _Optional[_Iterable[_Union[RunDifferences.Given, _Mapping]]] = ..., there: _Optional[_Iterable[_Union[RunDifferences.Given, _Mapping]]] = ...) -> None: ...
    class Given(_message.Message):
        __slots__ = ("text", "artifact_id")
        TEXT_FIELD_NUMBER: _ClassVar[int]
        ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
        text: str
        artifact_id: str
        def __init__(self, text: _Optional[str] = ..., artifact_id: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    run_name: str
    task_id: str
    inputs: _containers.RepeatedCompositeFieldContainer[RunDifferences.Difference]
    same: int
    more: bool
    def __init__(self, run_id: _Optional[str] = ..., run_name: _Optional[str] = ..., task_id: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[RunDifferences.Difference, _Mapping]]] = ..., same: _Optional[int] = ..., more: bool = ...) -> None: ...

class RocCurve(_message.Message):
    __slots__ = ("artifact_id", "name", "points")
    class Point(_message.Message):
        __slots__ = ("threshold", "false_positive_rate", "true_positive_rate")
        THRESHOLD_FIELD_NUMBER: _ClassVar[int]
        FALSE_POSITIVE_RATE_FIELD_NUMBER: _ClassVar[int]
        TRUE_POSITIVE_RATE_FIELD_NUMBER: _ClassVar[int]
        threshold: float
        false_positive_rate: float
        true_positive_rate: float
        def __init__(self, threshold: _Optional[float] = ..., false_positive_rate: _Optional[float] = ..., true_positive_rate: _Optional[float] = ...) -> None: ...
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: str
    points: _containers.RepeatedCompositeFieldContainer[RocCurve.Point]
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[str] = ..., points: _Optional[_Iterable[_Union[RocCurve.Point, _Mapping]]] = ...) -> None: ...

class MetricSeries(_message.Message):
    __slots__ = ("artifact_id", "name", "points", "logged")
    class Point(_message.Message):
        __slots__ = ("step", "time", "value")
        STEP_FIELD_NUMBER: _ClassVar[int]
        TIME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        step: int
        time: float
        value: float
        def __init__(self, step: _Optional[int] = ..., time: _Optional[float] = ..., value: _Optional[float] = ...) -> None: ...
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: str
    points: _containers.RepeatedCompositeFieldContainer[MetricSeries.Point]
    logged: int
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[str] = ..., points: _Optional[_Iterable[_Union[MetricSeries.Point, _Mapping]]] = ..., logged: _Optional[int] = ...) -> None: ...

class ConfusionMatrix(_message.Message):
    __slots__ = ("artifact_id", "name", "labels", "rows")
    class Row(_message.Message):
        __slots__ = ("counts",)
        COUNTS_FIELD_NUMBER: _ClassVar[int]
        counts: _containers.RepeatedScalarFieldContainer[float]
        def __init__(self, counts: _Optional[_Iterable[float]] = ...) -> None: ...
    ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    artifact_id: str
    name: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    rows: _containers.RepeatedCompositeFieldContainer[ConfusionMatrix.Row]
    def __init__(self, artifact_id: _Optional[str] = ..., name: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., rows: _Optional[_Iterable[_Union[ConfusionMatrix.Row, _Mapping]]] = ...) -> None: ...

class GetRunProgressRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class RunProgress(_message.Message):
    __slots__ = ("state", "finished", "tasks", "more", "version")
    class TaskStateCount(_message.Message):
        __slots__ = ("state", "count")
        STATE_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        state: str
        count: int
        def __init__(self, state: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
    STATE_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    state: str
    finished: bool
    tasks: _containers.RepeatedCompositeFieldContainer[RunProgress.TaskStateCount]
    more: bool
    version: str
    def __init__(self, state: _Optional[str] = ..., finished: bool = ..., tasks: _Optional[_Iterable[_Union[RunProgress.TaskStateCount, _Mapping]]] = ..., more: bool = ..., version: _Optional[str] = ...) -> None: ...

class GetRunLevelRequest(_message.Message):
    __slots__ = ("run_id", "parent_task_id", "iteration", "page_token", "page_size")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    parent_task_id: str
    iteration: int
    page_token: str
    page_size: int
    def __init__(self, run_id: _Optional[str] = ..., parent_task_id: _Optional[str] = ..., iteration: _Optional[int] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ...) -> None: ...

class RunLevel(_message.Message):
    __slots__ = ("path", "tasks", "edges", "iterations", "next_page_token")
    class Step(_message.Message):
        __slots__ = ("task_id", "name", "type", "iteration")
        TASK_ID_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        task_id: str
        name: str
        type: str
        iteration: int
        def __init__(self, task_id: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., iteration: _Optional[int] = ...) -> None: ...
    class TaskRow(_message.Message):
        __slots__ = ("task_id", "key", "name", "type", "state", "depth", "iteration", "created_at", "started_at", "finished_at", "message", "iterations", "folded")
        TASK_ID_FIELD_NUMBER: _ClassVar[int]
        KEY_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        DEPTH_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        CREATED_AT_FIELD_NUMBER: _ClassVar[int]
        STARTED_AT_FIELD_NUMBER: _ClassVar[int]
        FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
        MESSAGE_FIELD_NUMBER: _ClassVar[int]
        ITERATIONS_FIELD_NUMBER: _ClassVar[int]
        FOLDED_FIELD_NUMBER: _ClassVar[int]
        task_id: str
        key: str
        name: str
        type: str
        state: str
        depth: int
        iteration: int
        created_at: _timestamp_pb2.Timestamp
        started_at: _timestamp_pb2.Timestamp
        finished_at: _timestamp_pb2.Timestamp
        message: str
        iterations: RunLevel.Iterations
        folded: bool
        def __init__(self, task_id: _Optional[str] = ..., key: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., state: _Optional[str] = ..., depth: _Optional[int] = ..., iteration: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ..., iterations: _Optional[_Union[RunLevel.Iterations, _Mapping]] = ..., folded: bool = ...) -> None: ...
    class Iterations(_message.Message):
        __slots__ = ("count", "shown", "selected", "more")
        COUNT_FIELD_NUMBER: _ClassVar[int]
        SHOWN_FIELD_NUMBER: _ClassVar[int]
        SELECTED_FIELD_NUMBER: _ClassVar[int]
        MORE_FIELD_NUMBER: _ClassVar[int]
        count: int
        shown: _containers.RepeatedCompositeFieldContainer[RunLevel.Iteration]
        selected: int
        more: bool
        def __init__(self, count: _Optional[int] = ..., shown: _Optional[_Iterable[_Union[RunLevel.Iteration, _Mapping]]] = ..., selected: _Optional[int] = ..., more: bool = ...) -> None: ...
    class Iteration(_message.Message):
        __slots__ = ("index", "state")
        INDEX_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        index: int
        state: str
        def __init__(self, index: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...
    class LevelEdge(_message.Message):
        __slots__ = ("source", "target", "inputs")
        SOURCE_FIELD_NUMBER: _ClassVar[int]
        TARGET_FIELD_NUMBER: _ClassVar[int]
        INPUTS_FIELD_NUMBER: _ClassVar[int]
        source: str
        target: str
        inputs: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ..., inputs: _Optional[_Iterable[str]] = ...) -> None: ...
    PATH_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    path: _containers.RepeatedCompositeFieldContainer[RunLevel.Step]
    tasks: _containers.RepeatedCompositeFieldContainer[RunLevel.TaskRow]
    edges: _containers.RepeatedCompositeFieldContainer[RunLevel.LevelEdge]
    iterations: RunLevel.Iterations
    next_page_token: str
    def __init__(self, path: _Optional[_Iterable[_Union[RunLevel.Step, _Mapping]]] = ..., tasks: _Optional[_Iterable[_Union[RunLevel.TaskRow, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[RunLevel.LevelEdge, _Mapping]]] = ..., iterations: _Optional[_Union[RunLevel.Iterations, _Mapping]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
