"""Writes to a store as pipelines do, so many times a second; run in the environment of ML Metadata's own library.

`python mlmd_writer.py STORE RATE SEED` writes until its standard input ends, then finishes what it began and prints how often it
has written. With the rate 0 it only creates the tables. It imports nothing of this project.
"""

import random
import select
import sys
import time
from collections.abc import Iterator
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd
from mlmd_session import STATES, KfpRun, Session, trainer, values

Event = mlmd.Event
RUNS_AT_ONCE = 6
TASKS = 5


class Writer:
    """Several runs that go on at once; each step of each is one write of KFP's driver or launcher, or of TFX."""

    def __init__(self, session: Session, seed: int) -> None:
        self._session = session
        self._chance = random.Random(seed)
        self._artifacts: list[int] = [artifact.id for artifact in session.store.get_artifacts()][::7]
        self._executions: list[int] = [execution.id for execution in session.store.get_executions()][::11]
        self._name = f"live-{seed}"
        self._begun = 0

    def steps(self) -> Iterator[bool]:
        """Write; yields after each write, whether anything is unfinished."""
        open_runs: list[Iterator[None]] = []
        stopping = False
        while not stopping or open_runs:
            if not stopping and len(open_runs) < RUNS_AT_ONCE:
                self._begun += 1
                open_runs.append(self._run(f"{self._name}-{self._begun}"))
            one = self._chance.choice(open_runs)
            if next(one, self) is self:
                open_runs.remove(one)
                continue
            stopping = yield True

    def _run(self, id: str) -> Iterator[None]:
        kind = self._chance.random()
        if kind < 0.1:
            trainer(self._session, id)
            yield
        elif kind < 0.3:
            yield from self._changes_of_old_rows()
        else:
            yield from self._kfp_run(id)

    def _kfp_run(self, id: str) -> Iterator[None]:
        store, namespace = self._session.store, self._chance.choice(["team-a", "team-b"])
        pipeline = self._session.context("system.Pipeline", f"pipeline-{self._begun % 5}")
        yield
        context = self._session.context("system.PipelineRun", id, namespace=namespace, resource_name="run-resource")
        yield
        store.put_parent_contexts([mlmd.ParentContext(child_id=context.id, parent_id=pipeline.id)])
        yield
        run = KfpRun(self._session, [pipeline, context], f"run/{id}", {"rate": self._chance.random()})
        yield
        parent, iteration = run.root, None
        if self._chance.random() < 0.3:
            loop = run.dag("each", STATES.RUNNING, parent=run.root, iteration_count=1, total_dag_tasks=1)
            yield
            parent = run.dag("each", STATES.RUNNING, parent=loop, iteration_index=0, total_dag_tasks=TASKS)
            iteration = 0
            yield
        for number in range(self._chance.randint(1, TASKS)):
            yield from self._task(run, f"step-{number}", parent, iteration)

    def _task(self, run: KfpRun, name: str, parent: int, iteration: int | None) -> Iterator[None]:
        """A task as KFP's driver and launcher write it: begun with its inputs, then ended with its outputs, each at once."""
        inputs = [(self._event(Event.INPUT, "data", id), id) for id in self._some_artifacts()]
        execution = self._session.execution(
            "system.ContainerExecution",
            STATES.RUNNING,
            display_name=name,
            task_name=name,
            parent_dag_id=parent,
            pod_name=f"{name}-pod",
            inputs={"number": self._chance.random()},
            **({} if iteration is None else {"iteration_index": iteration}),
        )
        execution.id = self._put(execution, inputs, run.contexts)[0]
        yield
        if self._chance.random() < 0.15:
            execution.last_known_state = STATES.CACHED
            outputs: list[tuple[Any, Any]] = [
                (self._event(Event.OUTPUT, "out", id), id) for id in self._some_artifacts()
            ]
        elif self._chance.random() < 0.15:
            execution.last_known_state = STATES.FAILED
            outputs = []
        else:
            execution.last_known_state = STATES.COMPLETE
            execution.custom_properties["outputs"].CopyFrom(values({"outputs": {"done": True}})["outputs"])
            outputs = [(self._event(Event.OUTPUT, "out"), self._new_artifact(name))]
        _, artifact_ids = self._put(execution, outputs, run.contexts)
        self._artifacts += artifact_ids
        yield

    def _changes_of_old_rows(self) -> Iterator[None]:
        store = self._session.store
        execution = self._chance.choice(self._executions)
        self._session.change(
            execution, self._chance.choice([STATES.RUNNING, STATES.COMPLETE, STATES.FAILED]), later="x"
        )
        yield
        [artifact] = store.get_artifacts_by_id([self._chance.choice(self._artifacts)])
        artifact.custom_properties["zz"].double_value = self._chance.random()
        store.put_artifacts([artifact])
        yield
        [context] = store.get_contexts_by_execution(execution)[-1:]
        [known] = store.get_executions_by_id([execution])
        self._put(known, [(self._event(Event.OUTPUT, f"late-{execution}"), self._new_artifact("late"))], [context])
        yield

    def _put(self, execution: Any, pairs: list[tuple[Any, Any]], contexts: list[Any]) -> tuple[int, list[int]]:
        """Put an execution with its events, artifacts and contexts in one transaction."""
        known = {id: artifact for id in [one for _, one in pairs if isinstance(one, int)] for artifact in self._get(id)}
        artifact_and_events = [(known[one] if isinstance(one, int) else one, event) for event, one in pairs]
        execution_id, artifact_ids, _ = self._session.store.put_execution(
            execution, artifact_and_events, contexts, reuse_context_if_already_exist=True
        )
        return int(execution_id), [int(id) for id in artifact_ids]

    def _get(self, id: int) -> list[Any]:
        return list(self._session.store.get_artifacts_by_id([id]))

    def _event(self, type: int, key: str, artifact_id: int = 0) -> Any:
        event = Event(type=type)
        event.path.steps.add(key=key)
        if artifact_id:
            event.artifact_id = artifact_id
        return event

    def _new_artifact(self, name: str) -> Any:
        kind = self._chance.choice(["system.Dataset", "system.Metrics", f"later.Type{self._begun % 9}"])
        return self._session.new_artifact(kind, f"minio://live/{name}", display_name=name, score=self._chance.random())

    def _some_artifacts(self) -> list[int]:
        return self._chance.sample(self._artifacts, self._chance.randint(0, 2))


def main() -> None:
    """Write until told to stop."""
    store, rate, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    session = Session(store)
    if not rate:
        return
    steps = Writer(session, seed).steps()
    next(steps)
    start, count, stopping = time.monotonic(), 1, False
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    while True:
        wait = max(0.0, start + count / rate - time.monotonic())
        stopping = stopping or bool(select.select([sys.stdin], [], [], wait)[0])
        try:
            steps.send(stopping)
        except StopIteration:
            break
        count += 1
    sys.stdout.write(f"{count} {count / (time.monotonic() - start):.1f}\n")


if __name__ == "__main__":
    main()
