"""Writes a store with ML Metadata's own library and tells what it holds; run in that library's own environment.

`python mlmd_session.py make STORE` makes an SQLite store, `add` goes on in it, and `tell` prints every node as JSON. It
imports nothing of this project.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from google.protobuf import json_format, struct_pb2
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

Execution, Event, Artifact = mlmd.Execution, mlmd.Event, mlmd.Artifact
STATES = Execution.State
TRAIN, TUNE = "5d0a39b0-8a4c-4f5e-9d1c-111111111111", "5d0a39b0-8a4c-4f5e-9d1c-222222222222"


class Session:
    """One store, opened."""

    def __init__(self, path: str) -> None:
        config = mlmd.ConnectionConfig()
        if path.startswith("mysql:"):
            parts = urlsplit(path)
            config.mysql.host, config.mysql.port, config.mysql.database = parts.hostname, parts.port, parts.path[1:]
            config.mysql.user, config.mysql.password = parts.username, parts.password
        else:
            config.sqlite.filename_uri = path
            config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = MetadataStore(config)

    def context(self, type: str, name: str, **custom: Any) -> mlmd.Context:
        """Put a context and return it; one that is there already is found."""
        known = self.store.get_context_by_type_and_name(type, name)
        if known:
            return known
        type_id = self.store.put_context_type(mlmd.ContextType(name=type))
        context = mlmd.Context(type_id=type_id, name=name, custom_properties=values(custom))
        [context.id] = self.store.put_contexts([context])
        return context

    def kfp_run(self, id: str, pipeline: str, namespace: str, **inputs: Any) -> "KfpRun":
        """Put the contexts of a run as KFP's driver does, and its root."""
        pipeline_context = self.context("system.Pipeline", pipeline)
        context = self.context(
            "system.PipelineRun",
            id,
            namespace=namespace,
            resource_name="run-resource",
            pipeline_root=f"minio://mlpipeline/v2/artifacts/{pipeline}/{id}",
            store_session_info=json.dumps({"Provider": "minio"}),
        )
        known = self.store.get_parent_contexts_by_context(context.id)
        if not known:
            self.store.put_parent_contexts([mlmd.ParentContext(child_id=context.id, parent_id=pipeline_context.id)])
        return KfpRun(self, [pipeline_context, context], f"run/{id}", inputs)

    def put(
        self,
        type: str,
        contexts: list[mlmd.Context],
        *,
        state: int,
        name: str = "",
        own: dict[str, Any] | None = None,
        custom: dict[str, Any] | None = None,
        events: Sequence[tuple[int, str, int]] = (),
    ) -> int:
        """Put an execution with events (type, key, artifact id); return its id."""
        own = own or {}
        type_id = self.store.put_execution_type(
            mlmd.ExecutionType(name=type, properties={key: kind_of(value) for key, value in own.items()}),
            can_add_fields=True,
        )
        execution = Execution(
            type_id=type_id, name=name or None, last_known_state=state, properties=values(own),
            custom_properties=values(custom or {}),
        )  # fmt: skip
        [execution_id] = self.store.put_executions([execution])
        self.store.put_attributions_and_associations(
            [], [mlmd.Association(context_id=context.id, execution_id=execution_id) for context in contexts]
        )
        self.put_events(execution_id, events, contexts)
        return int(execution_id)

    def put_events(
        self, execution_id: int, events: Sequence[tuple[int, str, int]], contexts: list[mlmd.Context]
    ) -> None:
        """Put an execution's events; what it put out belongs to its contexts."""
        made = []
        for kind, key, artifact_id in events:
            event = Event(artifact_id=artifact_id, execution_id=execution_id, type=kind)
            event.path.steps.add(key=key)
            made.append(event)
        self.store.put_events(made)
        outputs = {artifact_id for kind, _, artifact_id in events if kind == Event.OUTPUT}
        self.store.put_attributions_and_associations(
            [mlmd.Attribution(context_id=context.id, artifact_id=id) for context in contexts for id in outputs], []
        )

    def artifact(self, type: str, uri: str, *, own: dict[str, Any] | None = None, **custom: Any) -> int:
        """Put an artifact and return its id."""
        [artifact_id] = self.store.put_artifacts([self.new_artifact(type, uri, own=own, **custom)])
        return int(artifact_id)

    def new_artifact(self, type: str, uri: str, *, own: dict[str, Any] | None = None, **custom: Any) -> mlmd.Artifact:
        """Return an artifact that is to be put; its type is put."""
        own = own or {}
        type_id = self.store.put_artifact_type(
            mlmd.ArtifactType(name=type, properties={key: kind_of(value) for key, value in own.items()})
        )
        return Artifact(
            type_id=type_id, uri=uri, state=Artifact.LIVE, properties=values(own), custom_properties=values(custom)
        )

    def execution(self, type: str, state: int, **custom: Any) -> mlmd.Execution:
        """Return an execution that is to be put; its type is put."""
        type_id = self.store.put_execution_type(mlmd.ExecutionType(name=type))
        return Execution(type_id=type_id, last_known_state=state, custom_properties=values(custom))

    def change(self, execution_id: int, state: int, **custom: Any) -> None:
        """Bring an execution to another state."""
        [execution] = self.store.get_executions_by_id([execution_id])
        execution.last_known_state = state
        for key, value in values(custom).items():
            execution.custom_properties[key].CopyFrom(value)
        self.store.put_executions([execution])


class KfpRun:
    """One run of KFP: its executions below a root."""

    def __init__(self, session: Session, contexts: list[mlmd.Context], root: str, inputs: dict[str, Any]) -> None:
        self.session = session
        self.contexts = contexts
        known = session.store.get_execution_by_type_and_name("system.DAGExecution", root)
        self.root = known.id if known else self.dag("", STATES.RUNNING, name=root, inputs=inputs)

    def dag(self, task: str, state: int, *, parent: int = 0, name: str = "", **custom: Any) -> int:
        """Put a group of tasks."""
        custom = {"display_name": task, "task_name": task, **custom}
        if parent:
            custom |= {"parent_dag_id": parent}
        return self.session.put("system.DAGExecution", self.contexts, state=state, name=name, custom=custom)

    def container(
        self, task: str, state: int, *, parent: int = 0, events: Sequence[tuple[int, str, int]] = (), **custom: Any
    ) -> int:
        """Put a task that ran a container, or should have."""
        custom = {
            "display_name": task,
            "task_name": task,
            "parent_dag_id": parent or self.root,
            "pod_name": f"{task}-pod",
            "pod_uid": f"{task}-uid",
            "namespace": "",
            "image": "",
            "cache_fingerprint": f"fingerprint-{task}",
            **custom,
        }
        return self.session.put("system.ContainerExecution", self.contexts, state=state, custom=custom, events=events)


def values(given: dict[str, Any]) -> dict[str, mlmd.Value]:
    """Properties as MLMD takes them."""
    return {key: value_of(value) for key, value in given.items()}


def value_of(value: Any) -> mlmd.Value:
    if isinstance(value, bool):
        return mlmd.Value(bool_value=value)
    if isinstance(value, int):
        return mlmd.Value(int_value=value)
    if isinstance(value, float):
        return mlmd.Value(double_value=value)
    if isinstance(value, str):
        return mlmd.Value(string_value=value)
    return mlmd.Value(struct_value=json_format.ParseDict(value, struct_pb2.Struct()))


def kind_of(value: Any) -> int:
    kinds = {bool: mlmd.BOOLEAN, int: mlmd.INT, float: mlmd.DOUBLE, str: mlmd.STRING, dict: mlmd.STRUCT}
    return int(kinds[type(value)])


def make(session: Session) -> None:
    """A run that ended, one that goes on, a TFX-like one, and nodes of no run."""
    train(session)
    tune = session.kfp_run(TUNE, "tuning", "team-b")
    tune.container("search", STATES.RUNNING, inputs={"trials": 3})
    trainer(session, "2026-11-21T08:00")
    session.put("notebook.Cell", [], state=STATES.COMPLETE, own={"source": "1 + 1"})
    session.artifact("notebook.Table", "file:///tables/alone", own={"rows": 7})


def train(session: Session) -> None:
    run = session.kfp_run(TRAIN, "training", "team-a", rate=0.25, name="naïve 🚀", deep={"layers": [64, None, True]})
    table = session.artifact(
        "system.Dataset",
        "minio://data/table",
        display_name="table",
        store_session_info="{}",
        columns={"list": ["a", 2, {"b": None}]},
        owner={"struct": {"team": "überall"}},
        rows=1e6,
    )
    run.container(
        "prepare",
        STATES.COMPLETE,
        inputs={"path": "s3://in"},
        outputs={"rows": 1e6, "kept": True},
        events=[(Event.OUTPUT, "table", table)],
    )
    loop = run.dag("each", STATES.COMPLETE, parent=run.root, iteration_count=2, total_dag_tasks=2)
    for index in range(2):
        iteration = run.dag("each", STATES.COMPLETE, parent=loop, iteration_index=index, total_dag_tasks=1)
        scores = session.artifact(
            "system.Metrics", f"minio://m/{index}", display_name="scores", accuracy=0.5 + index, loss=0.125
        )
        events = [(Event.INPUT, "table", table), (Event.OUTPUT, "scores", scores)]
        run.container("fit", STATES.COMPLETE, parent=iteration, inputs={"index": index}, events=events)
    guard = run.dag("condition-1", STATES.CANCELED, parent=run.root, total_dag_tasks=1)
    run.container("deploy", STATES.CANCELED, parent=guard)
    run.container("broken", STATES.FAILED, inputs={"reason": ""})
    run.container("again", STATES.CACHED, cached_execution_id="2", events=[(Event.OUTPUT, "table", table)])


def trainer(session: Session, name: str) -> None:
    pipeline = session.context("pipeline", "taxi")
    run = session.context("pipeline_run", name, commit="abc", shards=4)
    node = session.context("node", "taxi.Trainer")
    model = session.artifact("Model", f"/models/{name}", own={"version": 3, "score": 0.75}, note="ok", live=True)
    examples = session.artifact("Examples", f"/examples/{name}", split={"struct": {"train": 2}})
    session.put(
        "tfx.components.trainer.component.Trainer",
        [pipeline, run, node],
        state=STATES.COMPLETE,
        own={"steps": 1000, "rate": 0.5},
        custom={"module": "train.py", "hyper": {"depth": 2}, "warm": False},
        events=[(Event.INPUT, "examples", examples), (Event.OUTPUT, "model", model)],
    )


def add(session: Session) -> None:
    """The run that went on ends with a task more; a new one of each kind begins."""
    tune = session.kfp_run(TUNE, "tuning", "team-b")
    [search] = [
        execution.id
        for execution in session.store.get_executions_by_context(tune.contexts[1].id)
        if execution.custom_properties["task_name"].string_value == "search"
    ]
    best = session.artifact("system.Model", "minio://models/best", display_name="best", framework="torch")
    session.change(search, STATES.COMPLETE, outputs={"found": "yes"})
    session.put_events(search, [(Event.OUTPUT, "best", best)], tune.contexts)
    tune.container("serve", STATES.RUNNING, events=[(Event.INPUT, "best", best)])
    later = session.kfp_run("5d0a39b0-8a4c-4f5e-9d1c-333333333333", "training", "team-a")
    later.container("prepare", STATES.COMPLETE, outputs={"rows": 3})
    trainer(session, "2026-11-21T09:00")


def tell(session: Session) -> dict[str, Any]:
    """Every node of the store, as the library answers it."""
    store = session.store
    contexts, executions = store.get_contexts(), store.get_executions()
    return {
        "contexts": [
            told(context)
            | {
                "executions": [execution.id for execution in store.get_executions_by_context(context.id)],
                "artifacts": [artifact.id for artifact in store.get_artifacts_by_context(context.id)],
                "parents": [parent.id for parent in store.get_parent_contexts_by_context(context.id)],
            }
            for context in contexts
        ],
        "executions": [told(execution) for execution in executions],
        "artifacts": [told(artifact) for artifact in store.get_artifacts()],
        "events": [told(event) for event in store.get_events_by_execution_ids([each.id for each in executions])],
    }


def told(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return found


def main() -> None:
    """Do what is asked, with the store named."""
    what, path = sys.argv[1:]
    session = Session(path)
    if what == "tell":
        sys.stdout.write(json.dumps(tell(session)))
    else:
        {"make": make, "add": add}[what](session)


if __name__ == "__main__":
    main()
