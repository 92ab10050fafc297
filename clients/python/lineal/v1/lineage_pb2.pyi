import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    UPSTREAM: _ClassVar[Direction]
    DOWNSTREAM: _ClassVar[Direction]
    BOTH: _ClassVar[Direction]

class EdgeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EDGE_KIND_UNSPECIFIED: _ClassVar[EdgeKind]
    INPUT: _ClassVar[EdgeKind]
    OUTPUT: _ClassVar[EdgeKind]
    SAME_AS: _ClassVar[EdgeKind]
    REGISTERED: _ClassVar[EdgeKind]
    SOURCE: _ClassVar[EdgeKind]
    DEPLOYED: _ClassVar[EdgeKind]
    PARAMETER: _ClassVar[EdgeKind]
    LAUNCHED: _ClassVar[EdgeKind]
DIRECTION_UNSPECIFIED: Direction
UPSTREAM: Direction
DOWNSTREAM: Direction
BOTH: Direction
EDGE_KIND_UNSPECIFIED: EdgeKind
INPUT: EdgeKind
OUTPUT: EdgeKind
SAME_AS: EdgeKind
REGISTERED: EdgeKind
SOURCE: EdgeKind
DEPLOYED: EdgeKind
PARAMETER: EdgeKind
LAUNCHED: EdgeKind

class GetLineageRequest(_message.Message):
    __slots__ = ("start", "direction", "hops", "node_limit", "fanout_limit", "edges", "groups", "cached", "within", "namespace", "run_names")
    START_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    NODE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    FANOUT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    WITHIN_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_NAMES_FIELD_NUMBER: _ClassVar[int]
    start: _containers.RepeatedScalarFieldContainer[str]
    direction: Direction
    hops: int
    node_limit: int
    fanout_limit: int
    edges: _containers.RepeatedScalarFieldContainer[EdgeKind]
    groups: bool
    cached: bool
    within: str
    namespace: str
    run_names: bool
    def __init__(self, start: _Optional[_Iterable[str]] = ..., direction: _Optional[_Union[Direction, str]] = ..., hops: _Optional[int] = ..., node_limit: _Optional[int] = ..., fanout_limit: _Optional[int] = ..., edges: _Optional[_Iterable[_Union[EdgeKind, str]]] = ..., groups: bool = ..., cached: bool = ..., within: _Optional[str] = ..., namespace: _Optional[str] = ..., run_names: bool = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("ref", "name", "type", "state", "origin", "run", "uri", "namespace", "created_at", "finished_at", "depth", "number", "run_name")
    REF_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    ref: str
    name: str
    type: str
    state: str
    origin: str
    run: str
    uri: str
    namespace: str
    created_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    depth: int
    number: float
    run_name: str
    def __init__(self, ref: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., state: _Optional[str] = ..., origin: _Optional[str] = ..., run: _Optional[str] = ..., uri: _Optional[str] = ..., namespace: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., depth: _Optional[int] = ..., number: _Optional[float] = ..., run_name: _Optional[str] = ...) -> None: ...

class Edge(_message.Message):
    __slots__ = ("source", "target", "kind", "key", "iteration", "cached", "group")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    source: str
    target: str
    kind: EdgeKind
    key: str
    iteration: int
    cached: bool
    group: bool
    def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ..., kind: _Optional[_Union[EdgeKind, str]] = ..., key: _Optional[str] = ..., iteration: _Optional[int] = ..., cached: bool = ..., group: bool = ...) -> None: ...

class Cut(_message.Message):
    __slots__ = ("at", "direction", "reason")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[Cut.Reason]
        HOPS: _ClassVar[Cut.Reason]
        NODES: _ClassVar[Cut.Reason]
        FANOUT: _ClassVar[Cut.Reason]
        TIME: _ClassVar[Cut.Reason]
        WITHIN: _ClassVar[Cut.Reason]
        HIDDEN: _ClassVar[Cut.Reason]
        TASKS: _ClassVar[Cut.Reason]
        CACHED: _ClassVar[Cut.Reason]
    REASON_UNSPECIFIED: Cut.Reason
    HOPS: Cut.Reason
    NODES: Cut.Reason
    FANOUT: Cut.Reason
    TIME: Cut.Reason
    WITHIN: Cut.Reason
    HIDDEN: Cut.Reason
    TASKS: Cut.Reason
    CACHED: Cut.Reason
    AT_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    at: str
    direction: Direction
    reason: Cut.Reason
    def __init__(self, at: _Optional[str] = ..., direction: _Optional[_Union[Direction, str]] = ..., reason: _Optional[_Union[Cut.Reason, str]] = ...) -> None: ...

class Lineage(_message.Message):
    __slots__ = ("nodes", "edges", "cuts")
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CUTS_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    cuts: _containers.RepeatedCompositeFieldContainer[Cut]
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ..., cuts: _Optional[_Iterable[_Union[Cut, _Mapping]]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("query", "kinds", "namespace", "page_size", "page_token")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    query: str
    kinds: _containers.RepeatedScalarFieldContainer[str]
    namespace: str
    page_size: int
    page_token: str
    def __init__(self, query: _Optional[str] = ..., kinds: _Optional[_Iterable[str]] = ..., namespace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("nodes", "next_page_token", "complete")
    NODES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    next_page_token: str
    complete: bool
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., complete: bool = ...) -> None: ...

class CompareRunsRequest(_message.Message):
    __slots__ = ("run_ids", "only_differences")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    ONLY_DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    only_differences: bool
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., only_differences: bool = ...) -> None: ...

class RunComparison(_message.Message):
    __slots__ = ("runs", "params", "metrics", "tags", "inputs", "outputs")
    class Row(_message.Message):
        __slots__ = ("key", "cells", "differs", "name", "task", "iteration", "number")
        KEY_FIELD_NUMBER: _ClassVar[int]
        CELLS_FIELD_NUMBER: _ClassVar[int]
        DIFFERS_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        TASK_FIELD_NUMBER: _ClassVar[int]
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        key: str
        cells: _containers.RepeatedCompositeFieldContainer[RunComparison.Cell]
        differs: bool
        name: str
        task: str
        iteration: str
        number: int
        def __init__(self, key: _Optional[str] = ..., cells: _Optional[_Iterable[_Union[RunComparison.Cell, _Mapping]]] = ..., differs: bool = ..., name: _Optional[str] = ..., task: _Optional[str] = ..., iteration: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...
    class Cell(_message.Message):
        __slots__ = ("set", "text", "number", "ref")
        SET_FIELD_NUMBER: _ClassVar[int]
        TEXT_FIELD_NUMBER: _ClassVar[int]
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        REF_FIELD_NUMBER: _ClassVar[int]
        set: bool
        text: str
        number: float
        ref: str
        def __init__(self, set: bool = ..., text: _Optional[str] = ..., number: _Optional[float] = ..., ref: _Optional[str] = ...) -> None: ...
    RUNS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Node]
    params: _containers.RepeatedCompositeFieldContainer[RunComparison.Row]
    metrics: _containers.RepeatedCompositeFieldContainer[RunComparison.Row]
    tags: _containers.RepeatedCompositeFieldContainer[RunComparison.Row]
    inputs: _containers.RepeatedCompositeFieldContainer[RunComparison.Row]
    outputs: _containers.RepeatedCompositeFieldContainer[RunComparison.Row]
    def __init__(self, runs: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., params: _Optional[_Iterable[_Union[RunComparison.Row, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[RunComparison.Row, _Mapping]]] = ..., tags: _Optional[_Iterable[_Union[RunComparison.Row, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[RunComparison.Row, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[RunComparison.Row, _Mapping]]] = ...) -> None: ...
