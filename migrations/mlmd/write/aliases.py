"""Experiments and pipelines that Lineal has already under other ids: the same name means the same thing.

The loader fills this from KFP's experiments and pipelines, and asks it what runs refer to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from storage.model import PipelineVersion, Run


@dataclass(slots=True)
class Aliases:
    """What KFP's ids have become."""

    default_experiment: str
    experiments: dict[str, str] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def run(self, run: Run) -> Run:
        """Return a run that refers to what Lineal has."""
        return replace(
            run,
            experiment_id=_of(self.experiments, run.experiment_id) or self.default_experiment,
            pipeline_id=_of(self.pipelines, run.pipeline_id),
            pipeline_version_id=_of(self.versions, run.pipeline_version_id),
        )

    def version(self, version: PipelineVersion) -> PipelineVersion:
        """Return a version that belongs to what Lineal has."""
        return replace(version, pipeline_id=_of(self.pipelines, version.pipeline_id))


def _of(known: Mapping[str, str], id: str) -> str:
    return known.get(id, id)
