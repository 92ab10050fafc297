"""Who may call what: one line per RPC. A served RPC without a line stops the start, so that nothing is open by omission.

Resources and verbs are those Kubeflow Pipelines checks in Kubernetes (group pipelines.kubeflow.org, version v1beta1).
What a line says of the namespace covers every row that the handler lets the request reach by id. A handler that takes ids which
the line does not name checks that their rows belong to those that it does: tasks to their run, parents to the run of the task.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from server.calls.namespaces import (
    DEFAULT_EXPERIMENT,
    NO_NAMESPACE,
    Source,
    by_artifact,
    by_experiment,
    by_field,
    by_pipeline,
    by_reference,
    by_run,
    by_task,
    by_version,
    each_of,
    first_of,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a caller must be allowed to do, and in which namespaces; an open rule asks nothing."""

    resource: str
    verb: str
    namespace: Source
    open: bool = False


POLICY: dict[str, Rule] = {
    "ArtifactService.ListArtifacts": Rule("artifacts", "list", by_field("namespace")),
    "ArtifactService.GetArtifact": Rule("artifacts", "get", by_artifact("artifact_id")),
    "ArtifactService.CreateArtifact": Rule(
        "artifacts", "create", each_of(by_field("artifact.namespace"), by_run("run_id"))
    ),
    "ArtifactService.CreateArtifactsBulk": Rule(
        "artifacts", "create", each_of(by_field("artifacts.artifact.namespace"), by_run("artifacts.run_id"))
    ),
    "ArtifactService.ListArtifactTasks": Rule(
        "runs", "get", each_of(by_task("task_ids"), by_run("run_ids"), by_artifact("artifact_ids"))
    ),
    "ArtifactService.CreateArtifactTask": Rule(
        "artifacts", "create", each_of(by_run("artifact_task.run_id"), by_artifact("artifact_task.artifact_id"))
    ),
    "ArtifactService.CreateArtifactTasksBulk": Rule(
        "artifacts", "create", each_of(by_run("artifact_tasks.run_id"), by_artifact("artifact_tasks.artifact_id"))
    ),
    "RunService.CreateRun": Rule("runs", "create", first_of(by_experiment("run.experiment_id"), DEFAULT_EXPERIMENT)),
    "RunService.GetRun": Rule("runs", "get", by_run("run_id")),
    "RunService.ListRuns": Rule("runs", "list", first_of(by_experiment("experiment_id"), by_field("namespace"))),
    "RunService.ArchiveRun": Rule("runs", "archive", by_run("run_id")),
    "RunService.UnarchiveRun": Rule("runs", "unarchive", by_run("run_id")),
    "RunService.DeleteRun": Rule("runs", "delete", by_run("run_id")),
    "RunService.TerminateRun": Rule("runs", "terminate", by_run("run_id")),
    "RunService.RetryRun": Rule("runs", "retry", by_run("run_id")),
    "RunService.CreateTask": Rule("runs", "update", by_run("run_id")),
    "RunService.UpdateTask": Rule("runs", "update", by_run("run_id")),
    "RunService.UpdateTasksBulk": Rule("runs", "update", by_run("run_id")),
    "RunService.GetTask": Rule("runs", "get", by_run("run_id")),
    "RunService.ListTasks": Rule("runs", "get", by_run("run_id")),
    "RunService.FindCachedTask": Rule("runs", "list", by_field("namespace")),
    "ExperimentService.CreateExperiment": Rule("experiments", "create", by_field("experiment.namespace")),
    "ExperimentService.GetExperiment": Rule("experiments", "get", by_experiment("experiment_id")),
    "ExperimentService.ListExperiments": Rule("experiments", "list", by_field("namespace")),
    "ExperimentService.ArchiveExperiment": Rule("experiments", "archive", by_experiment("experiment_id")),
    "ExperimentService.UnarchiveExperiment": Rule("experiments", "unarchive", by_experiment("experiment_id")),
    "ExperimentService.DeleteExperiment": Rule("experiments", "delete", by_experiment("experiment_id")),
    "PipelineService.CreatePipeline": Rule("pipelines", "create", by_field("pipeline.namespace")),
    "PipelineService.GetPipeline": Rule("pipelines", "get", by_pipeline("pipeline_id")),
    "PipelineService.GetPipelineByName": Rule("pipelines", "get", by_field("namespace")),
    "PipelineService.ListPipelines": Rule("pipelines", "list", by_field("namespace")),
    "PipelineService.UpdatePipeline": Rule("pipelines", "update", by_pipeline("pipeline.pipeline_id")),
    "PipelineService.DeletePipeline": Rule("pipelines", "delete", by_pipeline("pipeline_id")),
    "PipelineService.CreatePipelineAndVersion": Rule("pipelines", "create", by_field("pipeline.namespace")),
    "PipelineService.CreatePipelineVersion": Rule(
        "pipelines", "create", first_of(by_pipeline("pipeline_id"), by_pipeline("pipeline_version.pipeline_id"))
    ),
    "PipelineService.GetPipelineVersion": Rule("pipelines", "get", by_version("pipeline_version_id")),
    "PipelineService.ListPipelineVersions": Rule("pipelines", "list", by_pipeline("pipeline_id")),
    "PipelineService.UpdatePipelineVersion": Rule(
        "pipelines", "update", by_version("pipeline_version.pipeline_version_id")
    ),
    "PipelineService.DeletePipelineVersion": Rule("pipelines", "delete", by_version("pipeline_version_id")),
    "ReportService.ReportWorkflow": Rule("workflows", "report", NO_NAMESPACE),
    "RecurringRunService.CreateRecurringRun": Rule(
        "jobs", "create", first_of(by_experiment("recurring_run.experiment_id"), by_field("recurring_run.namespace"))
    ),
    "RecurringRunService.GetRecurringRun": Rule("jobs", "get", NO_NAMESPACE),
    "RecurringRunService.ListRecurringRuns": Rule(
        "jobs", "list", first_of(by_experiment("experiment_id"), by_field("namespace"))
    ),
    "RecurringRunService.EnableRecurringRun": Rule("jobs", "enable", NO_NAMESPACE),
    "RecurringRunService.DisableRecurringRun": Rule("jobs", "disable", NO_NAMESPACE),
    "RecurringRunService.DeleteRecurringRun": Rule("jobs", "delete", NO_NAMESPACE),
    # Not RPCs: what clients of the older API and uploads do over HTTP.
    "Upload.UploadPipeline": Rule("pipelines", "create", by_field("query.namespace")),
    "Upload.UploadPipelineVersion": Rule("pipelines", "create", by_pipeline("query.pipelineid")),
    "v1beta1.UploadPipeline": Rule("pipelines", "create", by_field("query.namespace")),
    "v1beta1.UploadPipelineVersion": Rule("pipelines", "create", by_pipeline("query.pipelineid")),
    "v1beta1.GetRun": Rule("runs", "get", by_run("values.id")),
    "v1beta1.ListRuns": Rule("runs", "list", by_reference("query.resource_reference_key")),
    "v1beta1.GetExperiment": Rule("experiments", "get", by_experiment("values.id")),
    "v1beta1.ListExperiments": Rule("experiments", "list", by_reference("query.resource_reference_key")),
    "v1beta1.GetPipeline": Rule("pipelines", "get", by_pipeline("values.id")),
    "v1beta1.ListPipelines": Rule("pipelines", "list", by_reference("query.resource_reference_key")),
    "v1beta1.GetPipelineVersion": Rule("pipelines", "get", by_version("values.id")),
    "v1beta1.ListPipelineVersions": Rule("pipelines", "list", by_pipeline("query.resource_key.id")),
    "v1beta1.GetPipelineTemplate": Rule("pipelines", "get", by_pipeline("values.id")),
    "v1beta1.GetPipelineVersionTemplate": Rule("pipelines", "get", by_version("values.id")),
    "v1beta1.ListJobs": Rule("jobs", "list", by_reference("query.resource_reference_key")),
    "HealthzService.GetHealthz": Rule("healthz", "get", NO_NAMESPACE, open=True),
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
