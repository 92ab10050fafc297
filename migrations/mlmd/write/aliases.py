"""Experiments and pipelines that Lineal already has under other ids, with the same names.

The loader of groups fills this from KFP's experiments and pipelines; rows of runs refer to the ids in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from storage.model import PipelineVersion, Run


@dataclass(slots=True)
class Aliases:
    """The ids in Lineal by the ids in KFP, if they differ."""

    default_experiment: str
    experiments: dict[str, str] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def run(self, run: Run) -> Run:
        """Return a run that refers to experiments and pipelines by the ids in Lineal."""
        return replace(
            run,
            experiment_id=_of(self.experiments, run.experiment_id) or self.default_experiment,
            pipeline_id=_of(self.pipelines, run.pipeline_id),
            pipeline_version_id=_of(self.versions, run.pipeline_version_id),
        )

    def version(self, version: PipelineVersion) -> PipelineVersion:
        """Return a version that refers to its pipeline by the id in Lineal."""
        return replace(version, pipeline_id=_of(self.pipelines, version.pipeline_id))


def _of(aliases: Mapping[str, str], id: str) -> str:
    return aliases.get(id, id)
