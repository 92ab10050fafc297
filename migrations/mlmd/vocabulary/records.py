"""What the mapping makes of a run, and how it is told to. The loader reads this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrations.mlmd.vocabulary.findings import Findings
from storage.model import Artifact, ArtifactTask, Run, Task


@dataclass(frozen=True, slots=True)
class RunRecords:
    """All records of one run, parents before their children, and what became of each row of MLMD.

    Artifacts that other runs use as well are among the records of each of them, equal in all of them. The experiment id of
    the run is "" where none is known: the default experiment's then.
    """

    context_id: int
    run: Run
    tasks: Sequence[Task]
    artifacts: Sequence[Artifact]
    links: Sequence[ArtifactTask]
    findings: Findings
    task_ids: Mapping[int, str]
    """Task ids by execution id; a folded iteration has that of its loop."""
    artifact_ids: Mapping[int, Sequence[str]]
    """Ids of the records by artifact id."""
    own_artifacts: int
    """How many of the artifacts are at origin in this run, so that a sum over runs counts each once."""


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of the mapping that change what comes out."""

    store_id: str = ""
    types_from_spec: bool = True
    """Whether a pipeline spec, where there is one, decides what kind a group of tasks is; names decide otherwise."""
