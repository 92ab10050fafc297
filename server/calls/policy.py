"""Who may call what: one line per RPC. A served RPC without a line stops the start, so that nothing is open by omission.

Resources and verbs are those Kubeflow Pipelines checks in Kubernetes (group pipelines.kubeflow.org, version v1beta1).
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """What a caller must be allowed to do; an open rule asks nothing."""

    resource: str
    verb: str
    open: bool = False


POLICY: dict[str, Rule] = {
    "ArtifactService.ListArtifacts": Rule("artifacts", "list"),
    "ArtifactService.GetArtifact": Rule("artifacts", "get"),
    "ArtifactService.CreateArtifact": Rule("artifacts", "create"),
    "ArtifactService.CreateArtifactsBulk": Rule("artifacts", "create"),
    "ArtifactService.ListArtifactTasks": Rule("runs", "get"),
    "ArtifactService.CreateArtifactTask": Rule("artifacts", "create"),
    "ArtifactService.CreateArtifactTasksBulk": Rule("artifacts", "create"),
    "RunService.CreateRun": Rule("runs", "create"),
    "RunService.GetRun": Rule("runs", "get"),
    "RunService.ListRuns": Rule("runs", "list"),
    "RunService.ArchiveRun": Rule("runs", "archive"),
    "RunService.UnarchiveRun": Rule("runs", "unarchive"),
    "RunService.DeleteRun": Rule("runs", "delete"),
    "RunService.TerminateRun": Rule("runs", "terminate"),
    "RunService.RetryRun": Rule("runs", "retry"),
    "RunService.CreateTask": Rule("runs", "update"),
    "RunService.UpdateTask": Rule("runs", "update"),
    "RunService.UpdateTasksBulk": Rule("runs", "update"),
    "RunService.GetTask": Rule("runs", "get"),
    "RunService.ListTasks": Rule("runs", "get"),
    "RunService.FindCachedTask": Rule("runs", "list"),
    "ExperimentService.CreateExperiment": Rule("experiments", "create"),
    "ExperimentService.GetExperiment": Rule("experiments", "get"),
    "ExperimentService.ListExperiments": Rule("experiments", "list"),
    "ExperimentService.ArchiveExperiment": Rule("experiments", "archive"),
    "ExperimentService.UnarchiveExperiment": Rule("experiments", "unarchive"),
    "ExperimentService.DeleteExperiment": Rule("experiments", "delete"),
    "PipelineService.CreatePipeline": Rule("pipelines", "create"),
    "PipelineService.GetPipeline": Rule("pipelines", "get"),
    "PipelineService.GetPipelineByName": Rule("pipelines", "get"),
    "PipelineService.ListPipelines": Rule("pipelines", "list"),
    "PipelineService.UpdatePipeline": Rule("pipelines", "update"),
    "PipelineService.DeletePipeline": Rule("pipelines", "delete"),
    "PipelineService.CreatePipelineAndVersion": Rule("pipelines", "create"),
    "PipelineService.CreatePipelineVersion": Rule("pipelines", "create"),
    "PipelineService.GetPipelineVersion": Rule("pipelines", "get"),
    "PipelineService.ListPipelineVersions": Rule("pipelines", "list"),
    "PipelineService.UpdatePipelineVersion": Rule("pipelines", "update"),
    "PipelineService.DeletePipelineVersion": Rule("pipelines", "delete"),
    "ReportService.ReportWorkflow": Rule("workflows", "report"),
    "RecurringRunService.CreateRecurringRun": Rule("jobs", "create"),
    "RecurringRunService.GetRecurringRun": Rule("jobs", "get"),
    "RecurringRunService.ListRecurringRuns": Rule("jobs", "list"),
    "RecurringRunService.EnableRecurringRun": Rule("jobs", "enable"),
    "RecurringRunService.DisableRecurringRun": Rule("jobs", "disable"),
    "RecurringRunService.DeleteRecurringRun": Rule("jobs", "delete"),
    # Not RPCs: what clients of the older API and uploads do over HTTP.
    "Upload.UploadPipeline": Rule("pipelines", "create"),
    "Upload.UploadPipelineVersion": Rule("pipelines", "create"),
    "v1beta1.UploadPipeline": Rule("pipelines", "create"),
    "v1beta1.UploadPipelineVersion": Rule("pipelines", "create"),
    "v1beta1.GetRun": Rule("runs", "get"),
    "v1beta1.ListRuns": Rule("runs", "list"),
    "v1beta1.GetExperiment": Rule("experiments", "get"),
    "v1beta1.ListExperiments": Rule("experiments", "list"),
    "v1beta1.GetPipeline": Rule("pipelines", "get"),
    "v1beta1.ListPipelines": Rule("pipelines", "list"),
    "v1beta1.GetPipelineVersion": Rule("pipelines", "get"),
    "v1beta1.ListPipelineVersions": Rule("pipelines", "list"),
    "v1beta1.GetPipelineTemplate": Rule("pipelines", "get"),
    "v1beta1.GetPipelineVersionTemplate": Rule("pipelines", "get"),
    "v1beta1.ListJobs": Rule("jobs", "list"),
    "HealthzService.GetHealthz": Rule("healthz", "get", open=True),
}


class MissingPolicy(Exception):
    """A served RPC has no line here; the server must not start."""


def require_lines(served_names: Iterable[str]) -> None:
    """Raise MissingPolicy unless each served RPC has a line."""
    names = sorted(set(served_names) - POLICY.keys())
    if names:
        raise MissingPolicy(
            f"no line in the policy table for {', '.join(names)}: say there what a caller must be allowed"
        )
