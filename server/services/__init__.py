"""The rules: one function an RPC, named as the RPC, in the file of its service. `HANDLERS` is what the pipeline serves."""

from server.call import Handler
from server.services import artifact_tasks, artifacts, healthz, run_lifecycle, runs, tasks

HANDLERS: dict[str, Handler] = {
    "ArtifactService.ListArtifacts": artifacts.list_artifacts,
    "ArtifactService.GetArtifact": artifacts.get_artifact,
    "ArtifactService.CreateArtifact": artifacts.create_artifact,
    "ArtifactService.CreateArtifactsBulk": artifacts.create_artifacts_bulk,
    "ArtifactService.ListArtifactTasks": artifact_tasks.list_artifact_tasks,
    "ArtifactService.CreateArtifactTask": artifact_tasks.create_artifact_task,
    "ArtifactService.CreateArtifactTasksBulk": artifact_tasks.create_artifact_tasks_bulk,
    "RunService.CreateRun": runs.create_run,
    "RunService.GetRun": runs.get_run,
    "RunService.ListRuns": runs.list_runs,
    "RunService.ArchiveRun": run_lifecycle.archive_run,
    "RunService.UnarchiveRun": run_lifecycle.unarchive_run,
    "RunService.DeleteRun": run_lifecycle.delete_run,
    "RunService.TerminateRun": run_lifecycle.terminate_run,
    "RunService.RetryRun": run_lifecycle.retry_run,
    "RunService.CreateTask": tasks.create_task,
    "RunService.UpdateTask": tasks.update_task,
    "RunService.UpdateTasksBulk": tasks.update_tasks_bulk,
    "RunService.GetTask": tasks.get_task,
    "RunService.ListTasks": tasks.list_tasks,
    "RunService.FindCachedTask": tasks.find_cached_task,
    "HealthzService.GetHealthz": healthz.get_healthz,
}
