"""Records of what made an artifact: the artifact with its metadata, the groups around a task, its run with names, a specification."""

from storage.lineage import ArtifactNode
from storage.record import record


@record
class ReportedArtifact:
    """An artifact. Of what it has in texts, there is as much as was asked for; `metadata` is None if it has more, or none."""

    node: ArtifactNode
    updated_at: int
    description: str
    description_characters: int
    metadata: str | None  # JSON
    metadata_characters: int


@record
class BranchTask:
    """A task, or a group around it."""

    id: str
    parent_task_id: str | None
    name: str
    display_name: str
    type: int
    type_attributes: str | None  # JSON
    started_at: int | None
    finished_at: int | None


@record
class TaskInputs:
    """The input parameters of a task; `text` is None if they are longer than was asked for, or if there are none."""

    text: str | None  # JSON
    characters: int


@record
class ReportedRun:
    """A run with the names of what it belongs to, which are empty where that does not exist.

    `runtime_config` is None if it is longer than was asked for, or if there is none.
    """

    id: str
    display_name: str
    state: str
    namespace: str
    created_at: int
    finished_at: int | None
    experiment_id: str
    experiment_name: str
    pipeline_id: str
    pipeline_name: str
    pipeline_version_id: str
    pipeline_version_name: str
    spec_id: str | None
    runtime_config: str | None  # JSON
    runtime_config_characters: int


@record
class SpecText:
    """A specification; `text` is None if it is longer than was asked for."""

    text: str | None  # JSON
    characters: int
