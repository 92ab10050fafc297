"""Worlds of tasks and artifacts by name, kept in a store and asked for lineage. Called by tests.

world = World()
world.task("train", takes=["data"], makes=["model"])
found = await world.ask(store, "model", direction=Direction.UPSTREAM)
found.tasks == {"train"}; found.edges == {("data", "train"), ("train", "model")}; found.cuts == set()
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from server.rules.lineage.graph import Direction, EdgeKind, artifact_ref, task_ref
from server.rules.lineage.walk import Found, Question, walk
from storage.digests import text_digest
from storage.model import Artifact, ArtifactTask, IOType, Run, Task, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_link, a_run, a_task, an_artifact

BY_DEFAULT = frozenset({EdgeKind.INPUT, EdgeKind.OUTPUT, EdgeKind.SAME_AS})


@dataclass(frozen=True)
class Answer:
    """What a walk found, by names."""

    depths: dict[str, int]
    tasks: set[str]
    artifacts: set[str]
    edges: set[tuple[str, str]]
    cuts: set[tuple[str, str]]
    found: Found


@dataclass
class World:
    """Tasks and artifacts by name; what is named first is made first."""

    runs: dict[str, Run] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    links: list[ArtifactTask] = field(default_factory=list)

    def artifact(self, name: str, *, uri: str = "", at: int = 0, **fields: Any) -> Artifact:
        """Return the artifact of a name, made if there is none."""
        if name not in self.artifacts:
            place = {"uri": uri, "uri_hash": text_digest(uri)} if uri else {}
            self.artifacts[name] = an_artifact(name=name, created_at=MOMENT + at, **place, **fields)
        return self.artifacts[name]

    def run(self, name: str, **fields: Any) -> Run:
        """Return the run of a name, made if there is none."""
        if name not in self.runs:
            self.runs[name] = a_run(display_name=name, **fields)
        return self.runs[name]

    def task(
        self,
        name: str,
        *,
        takes: Iterable[str] = (),
        makes: Iterable[str] = (),
        run: str = "run",
        type: TaskType = TaskType.RUNTIME,
        state: TaskState = TaskState.SUCCEEDED,
        **fields: Any,
    ) -> Task:
        """Make a task with its links."""
        kinds = {"type": type.value, "state": state.value}
        task = self.tasks[name] = a_task(self.run(run).id, name=name, **kinds, **fields)
        for artifact in takes:
            self.link(name, artifact, IOType.COMPONENT_INPUT)
        for artifact in makes:
            self.link(name, artifact, IOType.OUTPUT)
        return task

    def link(self, task: str, artifact: str, type: IOType, **fields: Any) -> None:
        """Link a task to an artifact."""
        self.links.append(a_link(self.tasks[task], self.artifact(artifact), type=type.value, **fields))

    async def keep(self, store: SqlStore) -> None:
        """Keep everything, in as few writes as there are tables."""

        async def write(tx: Any) -> None:
            for run in self.runs.values():
                await tx.runs.create(run)
            for task in self.tasks.values():
                await tx.tasks.create(task)
            await tx.artifacts.create(list(self.artifacts.values()))
            await tx.artifact_tasks.create(self.links)

        await store.write(write)

    def question(
        self,
        *starts: str,
        direction: Direction = Direction.BOTH,
        kinds: frozenset[EdgeKind] = BY_DEFAULT,
        hops: int = 10,
        node_limit: int = 500,
        fanout_limit: int = 50,
        **fields: Any,
    ) -> Question:
        """What is asked of tasks and artifacts of these names."""
        return Question(
            tasks=[self.tasks[name].id for name in starts if name in self.tasks],
            artifacts=[self.artifacts[name].id for name in starts if name in self.artifacts],
            direction=direction,
            kinds=kinds,
            hops=hops,
            node_limit=node_limit,
            fanout_limit=fanout_limit,
            **fields,
        )

    async def ask(self, store: SqlStore, *starts: str, seconds: float = 60.0, **fields: Any) -> Answer:
        """Walk from tasks and artifacts of these names. On a busy machine, two seconds are soon over."""
        question = self.question(*starts, **fields)
        return self.answer(await store.read(lambda tx: walk(tx, question, seconds=seconds)))

    def answer(self, found: Found) -> Answer:
        """Return what a walk found by names."""
        names = {task_ref(task.id): name for name, task in self.tasks.items()}
        names |= {artifact_ref(artifact.id): name for name, artifact in self.artifacts.items()}
        # What the test has made within the database is called by its ref.
        names = {ref: names.get(ref, ref) for ref in found.graph.depths}
        depths = {names[ref]: depth for ref, depth in found.graph.depths.items()}
        return Answer(
            depths=depths,
            tasks={name for name in depths if name in self.tasks},
            artifacts={name for name in depths if name in self.artifacts},
            edges={(names[edge.source], names[edge.target]) for edge in found.graph.edges},
            cuts={(names[cut.at], cut.reason.name) for cut in found.graph.cuts},
            found=found,
        )
