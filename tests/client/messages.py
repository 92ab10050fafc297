"""Messages that tests of the client's views are given: tasks, a lineage."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from lineal.trees import TreeLine
from lineal.v1 import lineage_pb2
from lineal.v2beta1.task_pb2 import PipelineTask

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_task(
    task_id: str,
    *,
    name: str = "",
    parent: str = "",
    kind: str = "RUNTIME",
    state: str = "",
    start: float | None = None,
    end: float | None = None,
    iteration: int | None = None,
    message: str = "",
) -> PipelineTask:
    """Return a task that was created and ended so many seconds after START."""
    task = PipelineTask(task_id=task_id, name=name or task_id, parent_task_id=parent)
    task.type = PipelineTask.TaskType.Value(kind)
    task.state = PipelineTask.TaskState.Value(state or "RUNTIME_STATE_UNSPECIFIED")
    if start is not None:
        task.create_time.FromDatetime(START + timedelta(seconds=start))
    if end is not None:
        task.end_time.FromDatetime(START + timedelta(seconds=end))
    if iteration is not None:
        task.type_attributes.iteration_index = iteration
    if message:
        task.status_metadata.message = message
    return task


def a_graph() -> lineage_pb2.Lineage:
    """Return the lineage of a model: made from two tables by one task, and checked by another."""
    graph = lineage_pb2.Lineage()
    for ref, name, kind, state, uri, depth in (
        ("artifact/m", "model", "Model", "", "s3://b/model", 0),
        ("task/t", "train", "RUNTIME", "SUCCEEDED", "", -1),
        ("task/c", "check", "RUNTIME", "FAILED", "", 1),
        ("artifact/d", "data", "Dataset", "", "s3://b/data", -2),
        ("artifact/l", "labels", "Dataset", "", "", -2),
        ("artifact/a", "accuracy", "Metric", "", "", 2),
    ):
        graph.nodes.add(ref=ref, name=name, type=kind, state=state, uri=uri, depth=depth)
    graph.nodes[-1].number = 0.75
    graph.edges.add(source="task/t", target="artifact/m", kind="OUTPUT", key="model", iteration=0)
    graph.edges.add(source="artifact/d", target="task/t", kind="INPUT", key="table")
    graph.edges.add(source="artifact/l", target="task/t", kind="INPUT", key="labels")
    graph.edges.add(source="artifact/m", target="task/c", kind="INPUT", key="model to check")
    graph.edges.add(source="task/c", target="artifact/a", kind="OUTPUT", key="accuracy")
    graph.cuts.add(at="artifact/d", direction="UPSTREAM", reason="HOPS")
    return graph


def texts(lines: Iterable[TreeLine]) -> list[str]:
    """Return the lines of a tree as a terminal without colours shows them."""
    return [line.text for line in lines]
