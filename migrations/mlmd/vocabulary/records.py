"""The records of a run, and the options of the mapping that produces them. The loaders of `write` read the records."""

from collections.abc import Collection, Mapping, Sequence

from migrations.mlmd.vocabulary.findings import Findings
from storage.model import Artifact, ArtifactTask, Run, Task
from storage.record import record


@record
class RunRecords:
    """All records of one run, parents before their children, and their ids by the ids of MLMD's rows.

    Artifacts that other runs use as well are among the records of each of these runs, equal in all of them. The experiment id
    of the run is "" when it is unknown, which means the default experiment.
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
    made_root: str
    """The id that the ROOT task of the run has while MLMD does not have its root."""
    dated_ids: Collection[str]
    """Ids of the records whose time of creation is that of MLMD's row, which never changes it."""
    own_artifacts: int
    """How many of the artifacts have their origin in this run, so that a sum over runs counts each of them once."""


@record
class Options:
    """Options of the mapping that affect the records."""

    store_id: str = ""
    types_from_spec: bool = True
    """Whether the types of groups of tasks come from the pipeline spec, if there is one; otherwise from names."""
