"""Reads a whole store and maps it, as the loader does batch by batch. For the tests of this folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrations.mlmd.mapping.run import map_artifact_without_run, map_run
from migrations.mlmd.read.kfp_runs import KfpRuns
from migrations.mlmd.read.store import EXECUTIONS_PER_BATCH, open_store
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.records import Options, RunRecords
from storage.model import Artifact, ArtifactTask, Task

DATA = Path(__file__).parent / "data"
STORES = DATA / "stores"
RUNS_FILE = STORES / "kfp_main.runs.json"


@dataclass
class Imported:
    """Everything a store became."""

    survey: Survey
    runs: list[RunRecords] = field(default_factory=list)
    artifacts_without_run: list[Artifact] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    batches: int = 0

    @property
    def tasks(self) -> list[Task]:
        return [task for run in self.runs for task in run.tasks]

    @property
    def links(self) -> list[ArtifactTask]:
        return [link for run in self.runs for link in run.links]

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """All artifacts by id; one that several runs map must come out the same in all of them."""
        found: dict[str, Artifact] = {}
        for artifact in [artifact for run in self.runs for artifact in run.artifacts] + self.artifacts_without_run:
            assert found.setdefault(artifact.id, artifact) == artifact
        return found

    def counts(self) -> dict[str, int]:
        """The findings by rule, with kinds summed up."""
        return {rule.name: self.findings.count(rule) for rule in Rule if self.findings.count(rule)}


def store_url(name: str) -> str:
    """The URL of one of the stores in this folder."""
    return f"sqlite:///{STORES / name}.sqlite"


async def read_all(
    url: str,
    *,
    kfp: KfpRuns | None = None,
    options: Options | None = None,
    run_context_types: Sequence[str] = (),
    executions_per_batch: int = EXECUTIONS_PER_BATCH,
) -> Imported:
    """Read and map a store from its beginning to its end."""
    options = options or Options()
    async with open_store(url, kfp=kfp, run_context_types=run_context_types) as store:
        found = Imported(store.survey)
        found.findings.merge(store.survey.findings)
        async for batch in store.runs(executions_per_batch=executions_per_batch):
            found.batches += 1
            found.findings.merge(batch.findings)
            for rows in batch.runs:
                run = map_run(rows, options)
                found.runs.append(run)
                found.findings.merge(run.findings)
        async for artifacts in store.artifacts_without_run():
            found.findings.merge(artifacts.findings)
            for row, origin in artifacts.artifacts:
                found.artifacts_without_run += map_artifact_without_run(row, origin, options, found.findings)
    return found
