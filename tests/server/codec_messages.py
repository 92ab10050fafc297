"""What the codec's tests are fed with: small builders, and strategies for any message a client may send."""

from typing import Any

from google.protobuf import json_format, struct_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st
from lineal.v2beta1 import artifact_pb2, run_pb2

from server.apis.kfp import codec
from storage.model import NO_ITERATION, Artifact, ArtifactTask, LinkedArtifact, Run, Task

NOW = 1_750_000_000_123_456
FIRST_NANOSECOND = -62_135_596_800 * 10**9
LAST_NANOSECOND = 253_402_300_800 * 10**9 - 1

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**55), 2**55).map(float)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
PLAIN_OBJECT = st.dictionaries(TEXT, PLAIN, max_size=4)
NANOSECONDS = st.integers(FIRST_NANOSECOND, LAST_NANOSECOND) | st.sampled_from([0, -1, 1, NOW * 1000, NOW * 1000 + 999])
TIME = NANOSECONDS.map(lambda moment: Timestamp(seconds=moment // 10**9, nanos=moment % 10**9).ToJsonString())


def some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have any of the members."""
    return st.fixed_dictionaries({}, optional=members)


def names_of(enum: Any) -> st.SearchStrategy[str]:
    """The names of a message's enum."""
    return st.sampled_from(enum.keys())


IO_TYPE = names_of(artifact_pb2.IOType)
TASK_STATE = names_of(run_pb2.PipelineTask.TaskState)
PARAMETERS = st.lists(
    some(
        value=PLAIN,
        type=IO_TYPE,
        parameter_key=TEXT,
        producer=some(task_name=TEXT, iteration=INT64),
    ),
    max_size=4,
)
ERROR_DETAIL = st.fixed_dictionaries({"@type": st.just("type.googleapis.com/google.rpc.Status"), "message": TEXT})
ERROR = some(code=st.integers(0, 16), message=TEXT, details=st.lists(ERROR_DETAIL, max_size=2))
TASK = some(
    name=TEXT,
    display_name=TEXT,
    pods=st.lists(
        some(name=TEXT, uid=TEXT, type=names_of(run_pb2.PipelineTask.TaskPodType)),
        max_size=3,
    ),
    cache_fingerprint=TEXT,
    create_time=TIME,
    end_time=TIME,
    state=TASK_STATE,
    status_metadata=some(message=TEXT, custom_properties=PLAIN_OBJECT),
    state_history=st.lists(some(update_time=TIME, state=TASK_STATE, error=ERROR), max_size=3),
    type=names_of(run_pb2.PipelineTask.TaskType),
    type_attributes=some(iteration_index=INT64, iteration_count=INT64, download_to_workspace=st.booleans()),
    parent_task_id=TEXT,
    inputs=some(parameters=PARAMETERS),
    outputs=some(parameters=PARAMETERS),
    scope_path=TEXT,
).map(lambda plain: json_format.ParseDict(plain, run_pb2.PipelineTask()))
ARTIFACT = some(
    name=TEXT,
    description=TEXT,
    type=names_of(artifact_pb2.Artifact.ArtifactType),
    uri=TEXT,
    metadata=PLAIN_OBJECT,
    number_value=NUMBER,
).map(lambda plain: json_format.ParseDict(plain, artifact_pb2.Artifact()))
LINK = some(
    artifact_id=TEXT,
    run_id=TEXT,
    task_id=TEXT,
    type=IO_TYPE,
    producer=some(task_name=TEXT, iteration=INT64),
    key=TEXT,
).map(lambda plain: json_format.ParseDict(plain, artifact_pb2.ArtifactTask()))


def value(plain: object) -> struct_pb2.Value:
    """A Value as protobuf itself makes it of plain JSON."""
    return json_format.ParseDict(plain, struct_pb2.Value())


def task_update(**fields: Any) -> run_pb2.PipelineTask:
    """A PipelineTask of plain JSON."""
    return json_format.ParseDict(fields, run_pb2.PipelineTask())


def a_task(**fields: Any) -> Task:
    """A stored task."""
    return Task(**({"id": "t1", "run_id": "r1", "created_at": NOW, "updated_at": NOW, "name": "train"} | fields))


def a_run(**fields: Any) -> Run:
    """A stored run."""
    given = {"id": "r1", "experiment_id": "e1", "display_name": "first", "created_at": NOW, "scheduled_at": NOW}
    return Run(**(given | {"updated_at": NOW} | fields))


def an_artifact(**fields: Any) -> Artifact:
    """A stored artifact."""
    return Artifact(**({"id": "a1", "name": "model", "type": 2, "created_at": NOW, "updated_at": NOW} | fields))


def a_link(artifact_id: str = "a1", *, type: int = 9, key: str = "out", **fields: Any) -> ArtifactTask:
    """A stored link of task t1."""
    given = {"id": f"l-{artifact_id}", "task_id": "t1", "run_id": "r1", "producer": '{"taskName":"train"}'}
    return ArtifactTask(**(given | {"artifact_id": artifact_id, "type": type, "key": key} | fields))


def linked(artifact_id: str, *, iteration: int = NO_ITERATION, **fields: Any) -> LinkedArtifact:
    """A stored artifact with its link to task t1."""
    link = a_link(artifact_id, iteration=iteration, **fields)
    return LinkedArtifact(link, an_artifact(id=artifact_id))


def task_message(task: Task, **shown: Any) -> run_pb2.PipelineTask:
    """A task as clients read it."""
    return run_pb2.PipelineTask.FromString(codec.task_data(task, **shown))


def artifact_message(artifact: Artifact) -> artifact_pb2.Artifact:
    """An artifact as clients read it."""
    return artifact_pb2.Artifact.FromString(codec.artifact_data(artifact))


def wire(message: Any) -> bytes:
    """A message as bytes: unlike ==, they tell 0.0 from -0.0 and absent from empty."""
    return bytes(message.SerializeToString(deterministic=True))
