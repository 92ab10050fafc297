"""Records ⇄ Node: what a node shows of a task, an artifact, a run or an experiment. The calls of this API use it."""

from lineal.v1 import lineage_pb2

from server.rules.lineage.graph import RUN
from server.well_known.times import set_time
from storage.documents.enums import EnumNames
from storage.lineage import ArtifactNode, ExperimentNode, RunNode, TaskNode
from storage.model import ArtifactType, TaskState, TaskType

HIDDEN = "hidden"
"""The type of a node that the caller may not see."""

ORIGIN = "kfp"
"""The API that rows are recorded by: so far there is one."""

RUN_TYPE, EXPERIMENT_TYPE = "Run", "Experiment"
"""The types of nodes that are runs and experiments."""

_TASK_TYPES, _TASK_STATES, _ARTIFACT_TYPES = EnumNames(TaskType), EnumNames(TaskState), EnumNames(ArtifactType)


def write_task(task: TaskNode | None, node: lineage_pb2.Node) -> None:
    """Write what is shown of a task; of one that is None, which may not be seen, only that."""
    if task is None:
        node.type = HIDDEN
        return
    node.name, node.origin, node.run = task.display_name or task.name, ORIGIN, f"{RUN}/{task.run_id}"
    node.type, node.state = str(_TASK_TYPES.name_of(task.type)), str(_TASK_STATES.name_of(task.state))
    node.namespace = task.namespace
    set_time(node.created_at, task.created_at)
    if task.finished_at is not None:
        set_time(node.finished_at, task.finished_at)


def write_artifact(artifact: ArtifactNode | None, run_id: str, node: lineage_pb2.Node) -> None:
    """Write what is shown of an artifact, and of the run it is from, if that is known; of one that is None only that."""
    if artifact is None:
        node.type = HIDDEN
        return
    node.name, node.origin, node.uri = artifact.name, ORIGIN, artifact.uri or ""
    node.type, node.namespace = str(_ARTIFACT_TYPES.name_of(artifact.type)), artifact.namespace
    node.run = f"{RUN}/{run_id}" if run_id else ""
    set_time(node.created_at, artifact.created_at)
    if artifact.number_value is not None:
        node.number = artifact.number_value


def write_run(run: RunNode, node: lineage_pb2.Node) -> None:
    """Write what is shown of a run."""
    node.name, node.type, node.origin, node.state = run.display_name, RUN_TYPE, ORIGIN, run.state
    node.namespace = run.namespace
    set_time(node.created_at, run.created_at)
    if run.finished_at is not None:
        set_time(node.finished_at, run.finished_at)


def write_experiment(experiment: ExperimentNode, node: lineage_pb2.Node) -> None:
    """Write what is shown of an experiment."""
    node.name, node.type, node.origin, node.state = experiment.name, EXPERIMENT_TYPE, ORIGIN, experiment.storage_state
    node.namespace = experiment.namespace
    set_time(node.created_at, experiment.created_at)
