"""The RPCs of KFP's API: one line each, with its handler, which is imported at its first call, and what its caller must be allowed.

Resources and verbs are those that KFP checks in Kubernetes (group pipelines.kubeflow.org, version v1beta1).
"""

from lineal.methods import KFP_FILES as FILES

from server.apis.kfp import services
from server.apis.kfp.services import CLEAR_TAGS
from server.calls.methods import Served, methods_of
from server.calls.namespaces import (
    DEFAULT_EXPERIMENT,
    NO_NAMESPACE,
    by_artifact,
    by_experiment,
    by_field,
    by_pipeline,
    by_run,
    by_task,
    by_version,
    each_of,
    first_of,
)
from server.calls.policy import Rule, open_to_everybody
from server.late import Late


def _late(name: str) -> Late:
    return Late(f"{services.__name__}.{name}")


SERVED: dict[str, Served] = {
    "ArtifactService.ListArtifacts": Served(
        _late("artifacts:list_artifacts"), Rule("artifacts", "list", by_field("namespace"))
    ),
    "ArtifactService.GetArtifact": Served(
        _late("artifacts:get_artifact"), Rule("artifacts", "get", by_artifact("artifact_id"))
    ),
    "ArtifactService.CreateArtifact": Served(
        _late("artifacts:create_artifact"),
        Rule("artifacts", "create", each_of(by_field("artifact.namespace"), by_run("run_id"))),
    ),
    "ArtifactService.CreateArtifactsBulk": Served(
        _late("artifacts:create_artifacts_bulk"),
        Rule("artifacts", "create", each_of(by_field("artifacts.artifact.namespace"), by_run("artifacts.run_id"))),
    ),
    "ArtifactService.ListArtifactTasks": Served(
        _late("artifact_tasks:list_artifact_tasks"),
        Rule("runs", "get", each_of(by_task("task_ids"), by_run("run_ids"), by_artifact("artifact_ids"))),
    ),
    "ArtifactService.CreateArtifactTask": Served(
        _late("artifact_tasks:create_artifact_task"),
        Rule("artifacts", "create", each_of(by_run("artifact_task.run_id"), by_artifact("artifact_task.artifact_id"))),
    ),
    "ArtifactService.CreateArtifactTasksBulk": Served(
        _late("artifact_tasks:create_artifact_tasks_bulk"),
        Rule(
            "artifacts", "create", each_of(by_run("artifact_tasks.run_id"), by_artifact("artifact_tasks.artifact_id"))
        ),
    ),
    "RunService.CreateRun": Served(
        _late("runs:create_run"),
        Rule("runs", "create", first_of(by_experiment("run.experiment_id"), DEFAULT_EXPERIMENT)),
    ),
    "RunService.GetRun": Served(_late("runs:get_run"), Rule("runs", "get", by_run("run_id"))),
    "RunService.ListRuns": Served(
        _late("runs:list_runs"), Rule("runs", "list", first_of(by_experiment("experiment_id"), by_field("namespace")))
    ),
    "RunService.ArchiveRun": Served(_late("run_lifecycle:archive_run"), Rule("runs", "archive", by_run("run_id"))),
    "RunService.UnarchiveRun": Served(
        _late("run_lifecycle:unarchive_run"), Rule("runs", "unarchive", by_run("run_id"))
    ),
    "RunService.DeleteRun": Served(_late("run_lifecycle:delete_run"), Rule("runs", "delete", by_run("run_id"))),
    "RunService.TerminateRun": Served(
        _late("run_lifecycle:terminate_run"), Rule("runs", "terminate", by_run("run_id"))
    ),
    "RunService.RetryRun": Served(_late("run_lifecycle:retry_run"), Rule("runs", "retry", by_run("run_id"))),
    "RunService.CreateTask": Served(_late("tasks:create_task"), Rule("runs", "update", by_run("run_id"))),
    "RunService.UpdateTask": Served(_late("tasks:update_task"), Rule("runs", "update", by_run("run_id"))),
    "RunService.UpdateTasksBulk": Served(_late("tasks:update_tasks_bulk"), Rule("runs", "update", by_run("run_id"))),
    "RunService.GetTask": Served(_late("tasks:get_task"), Rule("runs", "get", by_run("run_id"))),
    "RunService.ListTasks": Served(_late("tasks:list_tasks"), Rule("runs", "get", by_run("run_id"))),
    "RunService.FindCachedTask": Served(_late("tasks:find_cached_task"), Rule("runs", "list", by_field("namespace"))),
    "ExperimentService.CreateExperiment": Served(
        _late("experiments:create_experiment"), Rule("experiments", "create", by_field("experiment.namespace"))
    ),
    "ExperimentService.GetExperiment": Served(
        _late("experiments:get_experiment"), Rule("experiments", "get", by_experiment("experiment_id"))
    ),
    "ExperimentService.ListExperiments": Served(
        _late("experiments:list_experiments"), Rule("experiments", "list", by_field("namespace"))
    ),
    "ExperimentService.ArchiveExperiment": Served(
        _late("experiments:archive_experiment"), Rule("experiments", "archive", by_experiment("experiment_id"))
    ),
    "ExperimentService.UnarchiveExperiment": Served(
        _late("experiments:unarchive_experiment"), Rule("experiments", "unarchive", by_experiment("experiment_id"))
    ),
    "ExperimentService.DeleteExperiment": Served(
        _late("experiments:delete_experiment"), Rule("experiments", "delete", by_experiment("experiment_id"))
    ),
    "PipelineService.CreatePipeline": Served(
        _late("pipelines:create_pipeline"), Rule("pipelines", "create", by_field("pipeline.namespace"))
    ),
    "PipelineService.GetPipeline": Served(
        _late("pipelines:get_pipeline"), Rule("pipelines", "get", by_pipeline("pipeline_id"))
    ),
    "PipelineService.GetPipelineByName": Served(
        _late("pipelines:get_pipeline_by_name"), Rule("pipelines", "get", by_field("namespace"))
    ),
    "PipelineService.ListPipelines": Served(
        _late("pipelines:list_pipelines"), Rule("pipelines", "list", by_field("namespace"))
    ),
    "PipelineService.UpdatePipeline": Served(
        _late("pipelines:update_pipeline"),
        Rule("pipelines", "update", by_pipeline("pipeline.pipeline_id")),
        empty_marks={"tags": CLEAR_TAGS},
    ),
    "PipelineService.DeletePipeline": Served(
        _late("pipelines:delete_pipeline"), Rule("pipelines", "delete", by_pipeline("pipeline_id"))
    ),
    "PipelineService.CreatePipelineAndVersion": Served(
        _late("pipeline_versions:create_pipeline_and_version"),
        Rule("pipelines", "create", by_field("pipeline.namespace")),
    ),
    "PipelineService.CreatePipelineVersion": Served(
        _late("pipeline_versions:create_pipeline_version"),
        Rule("pipelines", "create", first_of(by_pipeline("pipeline_id"), by_pipeline("pipeline_version.pipeline_id"))),
    ),
    "PipelineService.GetPipelineVersion": Served(
        _late("pipeline_versions:get_pipeline_version"), Rule("pipelines", "get", by_version("pipeline_version_id"))
    ),
    "PipelineService.ListPipelineVersions": Served(
        _late("pipeline_versions:list_pipeline_versions"), Rule("pipelines", "list", by_pipeline("pipeline_id"))
    ),
    "PipelineService.UpdatePipelineVersion": Served(
        _late("pipeline_versions:update_pipeline_version"),
        Rule("pipelines", "update", by_version("pipeline_version.pipeline_version_id")),
        empty_marks={"tags": CLEAR_TAGS},
    ),
    "PipelineService.DeletePipelineVersion": Served(
        _late("pipeline_versions:delete_pipeline_version"),
        Rule("pipelines", "delete", by_version("pipeline_version_id")),
    ),
    "ReportService.ReportWorkflow": Served(_late("reports:report_workflow"), Rule("workflows", "report", NO_NAMESPACE)),
    "RecurringRunService.CreateRecurringRun": Served(
        _late("recurring_runs:create_recurring_run"),
        Rule(
            "jobs",
            "create",
            first_of(by_experiment("recurring_run.experiment_id"), by_field("recurring_run.namespace")),
        ),
    ),
    "RecurringRunService.GetRecurringRun": Served(
        _late("recurring_runs:find_recurring_run"), Rule("jobs", "get", NO_NAMESPACE)
    ),
    "RecurringRunService.ListRecurringRuns": Served(
        _late("recurring_runs:list_recurring_runs"),
        Rule("jobs", "list", first_of(by_experiment("experiment_id"), by_field("namespace"))),
    ),
    "RecurringRunService.EnableRecurringRun": Served(
        _late("recurring_runs:find_recurring_run"), Rule("jobs", "enable", NO_NAMESPACE)
    ),
    "RecurringRunService.DisableRecurringRun": Served(
        _late("recurring_runs:find_recurring_run"), Rule("jobs", "disable", NO_NAMESPACE)
    ),
    "RecurringRunService.DeleteRecurringRun": Served(
        _late("recurring_runs:find_recurring_run"), Rule("jobs", "delete", NO_NAMESPACE)
    ),
    "HealthzService.GetHealthz": Served(_late("healthz:get_healthz"), open_to_everybody("healthz", "get")),
}

METHODS = methods_of(FILES, SERVED)
"""Every RPC of the protos, in their order."""
