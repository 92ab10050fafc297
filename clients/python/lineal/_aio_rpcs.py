"""The methods of the asyncio client, one per RPC. Generated from the protos by `make proto`; not to be edited."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from lineal._requests import FilterLike, build, filter_text
from lineal.listings import AsyncListing
from lineal.v1 import artifacts_pb2, lineage_pb2, metrics_pb2, overview_pb2, runs_pb2
from lineal.v2beta1 import (
    artifact_pb2,
    experiment_pb2,
    healthz_pb2,
    pipeline_pb2,
    recurring_run_pb2,
    report_pb2,
    run_pb2,
    task_pb2,
)


class AsyncRpcs:
    """Every RPC as a method; `_call` sends it."""

    async def _call(
        self, name: str, request: Message, timeout_seconds: float | None, idempotency_key: str | None = None
    ) -> Any:
        raise NotImplementedError

    def list_artifacts(
        self,
        *,
        namespace: str | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[artifact_pb2.Artifact]:
        """Lists artifacts, oldest first unless sort_by says otherwise.

        namespace: Namespace to list. Required with several users; ignored by a single-user server.
        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        sort_by: A field, then "asc" (the default) or "desc". Fields: artifact_id, id, namespace, type, uri, name,
            description, created_at, last_update, metadata, number_value.
        filter: A Filter as JSON text, with the keys of sort_by.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            artifact_pb2.ListArtifactRequest,
            {
                "namespace": namespace,
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
            },
        )
        return AsyncListing(
            lambda page: self._call("ArtifactService.ListArtifacts", page, timeout_seconds), request, "artifacts"
        )

    async def get_artifact(
        self,
        artifact_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> artifact_pb2.Artifact:
        """Returns one artifact. NOT_FOUND for an unknown id.

        artifact_id: Required. Id of the artifact.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(artifact_pb2.GetArtifactRequest, {"artifact_id": artifact_id})
        answer: artifact_pb2.Artifact = await self._call("ArtifactService.GetArtifact", request, timeout_seconds)
        return answer

    async def create_artifact(
        self,
        *,
        artifact: artifact_pb2.Artifact | Mapping[str, Any],
        run_id: str,
        task_id: str,
        producer_key: str,
        iteration_index: int | None = None,
        reuse_if_exists: bool | None = None,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> artifact_pb2.Artifact:
        """Records an artifact as an output of a task: artifact and link are written together or not at all. A call that is
        made again returns the artifact that the task has made before, if it has a uri and differs in nothing.

        artifact: Required. The artifact; its artifact_id must be empty, its created_at is ignored.
        run_id: Required. Run of the task.
        task_id: Required. Task that made the artifact.
        producer_key: Required. Name of the task's output that this artifact fills; at most 191 characters.
        iteration_index: Iteration that made the artifact, from 0. When present the link is an ITERATOR_OUTPUT,
            otherwise an OUTPUT.
        reuse_if_exists: Whether an artifact that exists with the same namespace, type, uri, name, description, metadata
            and number_value is linked instead of recording a second one. Refused in a bulk call.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(
            artifact_pb2.CreateArtifactRequest,
            {
                "artifact": artifact,
                "run_id": run_id,
                "task_id": task_id,
                "producer_key": producer_key,
                "iteration_index": iteration_index,
                "reuse_if_exists": reuse_if_exists,
            },
        )
        answer: artifact_pb2.Artifact = await self._call(
            "ArtifactService.CreateArtifact", request, timeout_seconds, idempotency_key
        )
        return answer

    async def create_artifacts_bulk(
        self,
        *,
        artifacts: Iterable[artifact_pb2.CreateArtifactRequest | Mapping[str, Any]],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> artifact_pb2.CreateArtifactsBulkResponse:
        """CreateArtifact for many artifacts of one namespace, all or none of them. Equal artifacts of one call are
        different ones.

        artifacts: Required. 1 to 10,000 artifacts, all in one namespace.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(artifact_pb2.CreateArtifactsBulkRequest, {"artifacts": artifacts})
        answer: artifact_pb2.CreateArtifactsBulkResponse = await self._call(
            "ArtifactService.CreateArtifactsBulk", request, timeout_seconds, idempotency_key
        )
        return answer

    def list_artifact_tasks(
        self,
        *,
        task_ids: Iterable[str] | None = None,
        run_ids: Iterable[str] | None = None,
        artifact_ids: Iterable[str] | None = None,
        type: str | int | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[artifact_pb2.ArtifactTask]:
        """Lists links between artifacts and tasks, by id unless sort_by says otherwise. At least one of the three id lists
        is needed. NOT_FOUND for an unknown task or artifact.

        task_ids: Links of any of these tasks.
        run_ids: Links of any of these runs.
        artifact_ids: Links of any of these artifacts.
        type: Only links of this type; UNSPECIFIED means all.
        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        sort_by: A field, then "asc" (the default) or "desc". Fields: id, artifact_id, task_id, run_id, type, producer,
            key.
        filter: A Filter as JSON text, with the keys of sort_by.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            artifact_pb2.ListArtifactTasksRequest,
            {
                "task_ids": task_ids,
                "run_ids": run_ids,
                "artifact_ids": artifact_ids,
                "type": type,
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
            },
        )
        return AsyncListing(
            lambda page: self._call("ArtifactService.ListArtifactTasks", page, timeout_seconds),
            request,
            "artifact_tasks",
        )

    async def create_artifact_task(
        self,
        *,
        artifact_task: artifact_pb2.ArtifactTask | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> artifact_pb2.ArtifactTask:
        """Links an existing artifact with a task. A link that already exists is returned unchanged.

        artifact_task: Required. The link; its id is ignored.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(artifact_pb2.CreateArtifactTaskRequest, {"artifact_task": artifact_task})
        answer: artifact_pb2.ArtifactTask = await self._call(
            "ArtifactService.CreateArtifactTask", request, timeout_seconds, idempotency_key
        )
        return answer

    async def create_artifact_tasks_bulk(
        self,
        *,
        artifact_tasks: Iterable[artifact_pb2.ArtifactTask | Mapping[str, Any]],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> artifact_pb2.CreateArtifactTasksBulkResponse:
        """CreateArtifactTask for many links of one run, all or none of them.

        artifact_tasks: Required. 1 to 10,000 links, all in one run; their ids are ignored.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(artifact_pb2.CreateArtifactTasksBulkRequest, {"artifact_tasks": artifact_tasks})
        answer: artifact_pb2.CreateArtifactTasksBulkResponse = await self._call(
            "ArtifactService.CreateArtifactTasksBulk", request, timeout_seconds, idempotency_key
        )
        return answer

    async def create_run(
        self,
        *,
        run: run_pb2.Run | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> run_pb2.Run:
        """Records a run in state PENDING. It does not start anything.

        run: Required. The run; its created_at, state, state_history and tasks are ignored.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(run_pb2.CreateRunRequest, {"run": run})
        answer: run_pb2.Run = await self._call("RunService.CreateRun", request, timeout_seconds, idempotency_key)
        return answer

    async def get_run(
        self,
        run_id: str,
        *,
        view: str | int | None = None,
        task_view: str | int | None = None,
        timeout_seconds: float | None = None,
    ) -> run_pb2.Run:
        """Returns one run. NOT_FOUND for an unknown id.

        run_id: Required. Id of the run.
        view: How much of the run to return; absent means DEFAULT.
        task_view: How much of each task to return, in views that have tasks. An addition of this project.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(run_pb2.GetRunRequest, {"run_id": run_id, "view": view, "task_view": task_view})
        answer: run_pb2.Run = await self._call("RunService.GetRun", request, timeout_seconds)
        return answer

    def list_runs(
        self,
        *,
        namespace: str | None = None,
        experiment_id: str | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        view: str | int | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[run_pb2.Run]:
        """Lists runs, oldest first unless sort_by says otherwise.

        namespace: Namespace to list. Required with several users unless experiment_id is given; ignored by a single-
            user server.
        experiment_id: Only runs of this experiment. NOT_FOUND when there is none.
        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused. The views FULL and
            RUNTIME_ONLY have a maximum of their own, 100 unless configured otherwise.
        sort_by: A field, then "asc" (the default) or "desc". Fields: run_id, id, display_name, name, created_at,
            finished_at, description, scheduled_at, storage_state, status, namespace, experiment_id, state,
            state_history, runtime_details, recurring_run_id, pipeline_id, pipeline_version_id. The last two are
            additions of this project.
        filter: A Filter as JSON text, with the keys of sort_by.
        view: How much of each run to return; absent means DEFAULT.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            run_pb2.ListRunsRequest,
            {
                "namespace": namespace,
                "experiment_id": experiment_id,
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
                "view": view,
            },
        )
        return AsyncListing(lambda page: self._call("RunService.ListRuns", page, timeout_seconds), request, "runs")

    async def archive_run(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        """Puts a run away. Doing it again changes nothing.

        run_id: Required. Id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(run_pb2.ArchiveRunRequest, {"run_id": run_id})
        await self._call("RunService.ArchiveRun", request, timeout_seconds)

    async def unarchive_run(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        """Takes an archived run back. FAILED_PRECONDITION while its experiment is archived.

        run_id: Required. Id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(run_pb2.UnarchiveRunRequest, {"run_id": run_id})
        await self._call("RunService.UnarchiveRun", request, timeout_seconds)

    async def delete_run(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Deletes a run with its tasks and their links. Artifacts stay.

        run_id: Required. Id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(run_pb2.DeleteRunRequest, {"run_id": run_id})
        await self._call("RunService.DeleteRun", request, timeout_seconds, idempotency_key)

    async def terminate_run(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Moves an unfinished run to CANCELING. INVALID_ARGUMENT for a run in any other state. It becomes CANCELED once
        nothing of it runs or is reported any more; tasks that are RUNNING then become FAILED.

        run_id: Required. Id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(run_pb2.TerminateRunRequest, {"run_id": run_id})
        await self._call("RunService.TerminateRun", request, timeout_seconds, idempotency_key)

    async def retry_run(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Moves a FAILED or CANCELED run and its unsuccessful tasks back to RUNNING, without their outputs. ABORTED for a
        run in any other state.

        run_id: Required. Id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(run_pb2.RetryRunRequest, {"run_id": run_id})
        await self._call("RunService.RetryRun", request, timeout_seconds, idempotency_key)

    async def create_task(
        self,
        run_id: str,
        *,
        task: task_pb2.PipelineTask | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> task_pb2.PipelineTask:
        """Records a task. If scope_path, name and type are given and a task with the same values exists under the same
        parent and in the same iteration, that task is returned unchanged, so a call may be repeated.

        run_id: Required. Run of the task.
        task: Required. The task; its task_id, child_tasks and artifacts are ignored.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(task_pb2.CreateTaskRequest, {"run_id": run_id, "task": task})
        answer: task_pb2.PipelineTask = await self._call(
            "RunService.CreateTask", request, timeout_seconds, idempotency_key
        )
        return answer

    async def update_task(
        self,
        run_id: str,
        task_id: str,
        *,
        task: task_pb2.PipelineTask | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> task_pb2.PipelineTask:
        """Changes a task; what the request leaves empty stays.

        run_id: Required. Run of the task.
        task_id: Required. Id of the task.
        task: Required. What changes: absent and empty fields stay as they are, parameters are merged with those
            recorded.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(task_pb2.UpdateTaskRequest, {"run_id": run_id, "task_id": task_id, "task": task})
        answer: task_pb2.PipelineTask = await self._call(
            "RunService.UpdateTask", request, timeout_seconds, idempotency_key
        )
        return answer

    async def update_tasks_bulk(
        self,
        run_id: str,
        *,
        tasks: Mapping[str, task_pb2.PipelineTask | Mapping[str, Any]],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> task_pb2.UpdateTasksBulkResponse:
        """UpdateTask for many tasks of one run, all or none of them.

        run_id: Required. Run of all the tasks.
        tasks: Required. 1 to 10,000 tasks by task id, each as in UpdateTask.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(task_pb2.UpdateTasksBulkRequest, {"run_id": run_id, "tasks": tasks})
        answer: task_pb2.UpdateTasksBulkResponse = await self._call(
            "RunService.UpdateTasksBulk", request, timeout_seconds, idempotency_key
        )
        return answer

    async def get_task(
        self,
        run_id: str,
        task_id: str,
        *,
        task_view: str | int | None = None,
        timeout_seconds: float | None = None,
    ) -> task_pb2.PipelineTask:
        """Returns one task. NOT_FOUND for an unknown id.

        run_id: Required. Run of the task.
        task_id: Required. Id of the task.
        task_view: How much of the task to return. An addition of this project.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(task_pb2.GetTaskRequest, {"run_id": run_id, "task_id": task_id, "task_view": task_view})
        answer: task_pb2.PipelineTask = await self._call("RunService.GetTask", request, timeout_seconds)
        return answer

    def list_tasks(
        self,
        run_id: str,
        *,
        parent_id: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        filter: FilterLike | None = None,
        order_by: str | None = None,
        task_view: str | int | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[task_pb2.PipelineTask]:
        """Lists the tasks of a run, oldest first unless order_by says otherwise.

        run_id: Required. Run whose tasks are listed.
        parent_id: Only the direct children of this task.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        page_token: next_page_token of the page before; empty for the first page.
        filter: A Filter as JSON text, with the keys of order_by and "state", which is another name of status.
        order_by: A field, then "asc" (the default) or "desc". Fields: name, display_name, task_id, run_id, pods,
            cache_fingerprint, create_time, start_time, end_time, status, status_metadata, state_history, type,
            type_attributes, parent_task_id, inputs, outputs, scope_path.
        task_view: How much of each task to return. An addition of this project.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            task_pb2.ListTasksRequest,
            {
                "run_id": run_id,
                "parent_id": parent_id,
                "page_size": page_size,
                "page_token": page_token,
                "filter": None if filter is None else filter_text(filter),
                "order_by": order_by,
                "task_view": task_view,
            },
        )
        return AsyncListing(lambda page: self._call("RunService.ListTasks", page, timeout_seconds), request, "tasks")

    async def find_cached_task(
        self,
        *,
        cache_fingerprint: str,
        namespace: str | None = None,
        timeout_seconds: float | None = None,
    ) -> task_pb2.FindCachedTaskResponse:
        """Finds the newest successful task with a fingerprint, to reuse its outputs. Finding none is not an error.

        cache_fingerprint: Required. The fingerprint to look for.
        namespace: Namespace to search. Required with several users; ignored by a single-user server.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            task_pb2.FindCachedTaskRequest, {"cache_fingerprint": cache_fingerprint, "namespace": namespace}
        )
        answer: task_pb2.FindCachedTaskResponse = await self._call(
            "RunService.FindCachedTask", request, timeout_seconds
        )
        return answer

    async def create_experiment(
        self,
        *,
        experiment: experiment_pb2.Experiment | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> experiment_pb2.Experiment:
        """Creates an experiment. ALREADY_EXISTS when its name is taken in the namespace.

        experiment: Required. The experiment.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(experiment_pb2.CreateExperimentRequest, {"experiment": experiment})
        answer: experiment_pb2.Experiment = await self._call(
            "ExperimentService.CreateExperiment", request, timeout_seconds, idempotency_key
        )
        return answer

    async def get_experiment(
        self,
        experiment_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> experiment_pb2.Experiment:
        """Returns one experiment. NOT_FOUND for an unknown id.

        experiment_id: Required. Id of the experiment.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(experiment_pb2.GetExperimentRequest, {"experiment_id": experiment_id})
        answer: experiment_pb2.Experiment = await self._call(
            "ExperimentService.GetExperiment", request, timeout_seconds
        )
        return answer

    def list_experiments(
        self,
        *,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        namespace: str | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[experiment_pb2.Experiment]:
        """Lists experiments, oldest first unless sort_by says otherwise.

        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        sort_by: A field, then "asc" (the default) or "desc". Fields: id, experiment_id, name, display_name, created_at,
            last_run_created_at, description, namespace, storage_state.
        filter: A Filter as JSON text, with the keys of sort_by.
        namespace: Namespace to list. Required with several users; ignored by a single-user server.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            experiment_pb2.ListExperimentsRequest,
            {
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
                "namespace": namespace,
            },
        )
        return AsyncListing(
            lambda page: self._call("ExperimentService.ListExperiments", page, timeout_seconds), request, "experiments"
        )

    async def archive_experiment(
        self,
        experiment_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        """Archives an experiment and all runs it has now. Doing it again archives the runs added since.

        experiment_id: Required. Id of the experiment.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(experiment_pb2.ArchiveExperimentRequest, {"experiment_id": experiment_id})
        await self._call("ExperimentService.ArchiveExperiment", request, timeout_seconds)

    async def unarchive_experiment(
        self,
        experiment_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        """Makes an archived experiment available again. Its runs stay archived.

        experiment_id: Required. Id of the experiment.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(experiment_pb2.UnarchiveExperimentRequest, {"experiment_id": experiment_id})
        await self._call("ExperimentService.UnarchiveExperiment", request, timeout_seconds)

    async def delete_experiment(
        self,
        experiment_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Deletes an experiment; its runs stay. The default experiment cannot be deleted (ABORTED).

        experiment_id: Required. Id of the experiment.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(experiment_pb2.DeleteExperimentRequest, {"experiment_id": experiment_id})
        await self._call("ExperimentService.DeleteExperiment", request, timeout_seconds, idempotency_key)

    async def create_pipeline(
        self,
        *,
        pipeline: pipeline_pb2.Pipeline | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> pipeline_pb2.Pipeline:
        """Creates a pipeline without versions. ALREADY_EXISTS when its name is taken in the namespace.

        pipeline: Required. The pipeline.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(pipeline_pb2.CreatePipelineRequest, {"pipeline": pipeline})
        answer: pipeline_pb2.Pipeline = await self._call(
            "PipelineService.CreatePipeline", request, timeout_seconds, idempotency_key
        )
        return answer

    async def get_pipeline(
        self,
        pipeline_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> pipeline_pb2.Pipeline:
        """Returns one pipeline. NOT_FOUND for an unknown id.

        pipeline_id: Required. Id of the pipeline.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(pipeline_pb2.GetPipelineRequest, {"pipeline_id": pipeline_id})
        answer: pipeline_pb2.Pipeline = await self._call("PipelineService.GetPipeline", request, timeout_seconds)
        return answer

    async def get_pipeline_by_name(
        self,
        name: str,
        *,
        namespace: str | None = None,
        timeout_seconds: float | None = None,
    ) -> pipeline_pb2.Pipeline:
        """Returns the pipeline with a name. NOT_FOUND when there is none; display_name is ignored.

        name: Required. Name of the pipeline.
        namespace: Namespace of the pipeline; ignored by a single-user server.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(pipeline_pb2.GetPipelineByNameRequest, {"name": name, "namespace": namespace})
        answer: pipeline_pb2.Pipeline = await self._call("PipelineService.GetPipelineByName", request, timeout_seconds)
        return answer

    def list_pipelines(
        self,
        *,
        namespace: str | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[pipeline_pb2.Pipeline]:
        """Lists pipelines, oldest first unless sort_by says otherwise.

        namespace: Namespace to list; ignored by a single-user server.
        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        sort_by: A field, then "asc" (the default) or "desc". Fields: id, pipeline_id, name, display_name, created_at,
            description, namespace.
        filter: A Filter as JSON text, with the keys of sort_by and "tags.<key>"; a tag takes EQUALS with a
            string_value.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            pipeline_pb2.ListPipelinesRequest,
            {
                "namespace": namespace,
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
            },
        )
        return AsyncListing(
            lambda page: self._call("PipelineService.ListPipelines", page, timeout_seconds), request, "pipelines"
        )

    async def delete_pipeline(
        self,
        pipeline_id: str,
        *,
        cascade: bool | None = None,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Deletes a pipeline. Runs created from it are kept.

        pipeline_id: Required. Id of the pipeline.
        cascade: Deletes the versions as well. Without it a pipeline that has versions is refused.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(pipeline_pb2.DeletePipelineRequest, {"pipeline_id": pipeline_id, "cascade": cascade})
        await self._call("PipelineService.DeletePipeline", request, timeout_seconds, idempotency_key)

    async def create_pipeline_and_version(
        self,
        *,
        pipeline: pipeline_pb2.Pipeline | Mapping[str, Any],
        pipeline_version: pipeline_pb2.PipelineVersion | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> pipeline_pb2.Pipeline:
        """Creates a pipeline with its first version, both or neither, from a package fetched over https.

        pipeline: Required. The pipeline; without a name it takes the last part of the package's address.
        pipeline_version: Required. Its first version; name, display_name and description come from the pipeline where
            they are empty.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(
            pipeline_pb2.CreatePipelineAndVersionRequest, {"pipeline": pipeline, "pipeline_version": pipeline_version}
        )
        answer: pipeline_pb2.Pipeline = await self._call(
            "PipelineService.CreatePipelineAndVersion", request, timeout_seconds, idempotency_key
        )
        return answer

    async def create_pipeline_version(
        self,
        pipeline_id: str,
        *,
        pipeline_version: pipeline_pb2.PipelineVersion | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> pipeline_pb2.PipelineVersion:
        """Adds a version to a pipeline, from a package fetched over https. ALREADY_EXISTS when its name is taken in the
        pipeline.

        pipeline_id: Id of the pipeline; that of the version if empty.
        pipeline_version: Required. The version, with a package_url and a name or display_name; its pipeline_spec is
            ignored.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(
            pipeline_pb2.CreatePipelineVersionRequest,
            {"pipeline_id": pipeline_id, "pipeline_version": pipeline_version},
        )
        answer: pipeline_pb2.PipelineVersion = await self._call(
            "PipelineService.CreatePipelineVersion", request, timeout_seconds, idempotency_key
        )
        return answer

    async def get_pipeline_version(
        self,
        pipeline_id: str,
        pipeline_version_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> pipeline_pb2.PipelineVersion:
        """Returns one version with its spec. NOT_FOUND for an unknown id.

        pipeline_id: Id of the pipeline; not compared, since version ids are unique by themselves.
        pipeline_version_id: Required. Id of the version.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            pipeline_pb2.GetPipelineVersionRequest,
            {"pipeline_id": pipeline_id, "pipeline_version_id": pipeline_version_id},
        )
        answer: pipeline_pb2.PipelineVersion = await self._call(
            "PipelineService.GetPipelineVersion", request, timeout_seconds
        )
        return answer

    def list_pipeline_versions(
        self,
        pipeline_id: str,
        *,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[pipeline_pb2.PipelineVersion]:
        """Lists the versions of a pipeline, oldest first unless sort_by says otherwise.

        pipeline_id: Required. Id of the pipeline.
        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        sort_by: A field, then "asc" (the default) or "desc". Fields: id, pipeline_version_id, name, display_name,
            created_at, status, description, pipeline_spec.
        filter: A Filter as JSON text, with the keys of sort_by and "tags.<key>"; a tag takes EQUALS with a
            string_value.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            pipeline_pb2.ListPipelineVersionsRequest,
            {
                "pipeline_id": pipeline_id,
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
            },
        )
        return AsyncListing(
            lambda page: self._call("PipelineService.ListPipelineVersions", page, timeout_seconds),
            request,
            "pipeline_versions",
        )

    async def delete_pipeline_version(
        self,
        pipeline_id: str,
        pipeline_version_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Deletes a version. Runs created from it are kept.

        pipeline_id: Required. Id of the pipeline; NOT_FOUND when the version is not of it.
        pipeline_version_id: Required. Id of the version.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(
            pipeline_pb2.DeletePipelineVersionRequest,
            {"pipeline_id": pipeline_id, "pipeline_version_id": pipeline_version_id},
        )
        await self._call("PipelineService.DeletePipelineVersion", request, timeout_seconds, idempotency_key)

    async def update_pipeline(
        self,
        *,
        pipeline: pipeline_pb2.Pipeline | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> pipeline_pb2.Pipeline:
        """Changes display_name and tags of a pipeline; what the request leaves empty stays.

        pipeline: Required. The pipeline_id, and what changes: a display_name, tags that replace all old ones, or both.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(pipeline_pb2.UpdatePipelineRequest, {"pipeline": pipeline})
        answer: pipeline_pb2.Pipeline = await self._call(
            "PipelineService.UpdatePipeline", request, timeout_seconds, idempotency_key
        )
        return answer

    async def update_pipeline_version(
        self,
        *,
        pipeline_version: pipeline_pb2.PipelineVersion | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> pipeline_pb2.PipelineVersion:
        """Changes display_name and tags of a version; what the request leaves empty stays.

        pipeline_version: Required. Both ids, and what changes: a display_name, tags that replace all old ones, or both.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(pipeline_pb2.UpdatePipelineVersionRequest, {"pipeline_version": pipeline_version})
        answer: pipeline_pb2.PipelineVersion = await self._call(
            "PipelineService.UpdatePipelineVersion", request, timeout_seconds, idempotency_key
        )
        return answer

    async def get_healthz(
        self,
        *,
        timeout_seconds: float | None = None,
    ) -> healthz_pb2.GetHealthzResponse:
        """Returns the server's mode. Needs no identity and does not ask the database.

        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(Empty, {})
        answer: healthz_pb2.GetHealthzResponse = await self._call("HealthzService.GetHealthz", request, timeout_seconds)
        return answer

    async def report_workflow(
        self,
        *,
        workflow: str,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Moves a run to the state of its workflow. The label "pipeline/runid" names the run; NOT_FOUND for an unknown
        one.

        workflow: Required. The Workflow resource as JSON text.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(report_pb2.ReportWorkflowRequest, {"workflow": workflow})
        await self._call("ReportService.ReportWorkflow", request, timeout_seconds, idempotency_key)

    async def report_scheduled_workflow(
        self,
        *,
        scheduled_workflow: str,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Reports the state of a scheduled workflow, the engine's side of a recurring run.

        scheduled_workflow: Required. The ScheduledWorkflow resource as JSON text.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(report_pb2.ReportScheduledWorkflowRequest, {"scheduled_workflow": scheduled_workflow})
        await self._call("ReportService.ReportScheduledWorkflow", request, timeout_seconds, idempotency_key)

    async def create_recurring_run(
        self,
        *,
        recurring_run: recurring_run_pb2.RecurringRun | Mapping[str, Any],
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> recurring_run_pb2.RecurringRun:
        """Refused: UNIMPLEMENTED. Recurring runs are created in the orchestrator that is to start their runs.

        recurring_run: Required. The recurring run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(recurring_run_pb2.CreateRecurringRunRequest, {"recurring_run": recurring_run})
        answer: recurring_run_pb2.RecurringRun = await self._call(
            "RecurringRunService.CreateRecurringRun", request, timeout_seconds, idempotency_key
        )
        return answer

    async def get_recurring_run(
        self,
        recurring_run_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> recurring_run_pb2.RecurringRun:
        """Looks for a recurring run. NOT_FOUND for every id, since there are none.

        recurring_run_id: Required. Id of the recurring run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(recurring_run_pb2.GetRecurringRunRequest, {"recurring_run_id": recurring_run_id})
        answer: recurring_run_pb2.RecurringRun = await self._call(
            "RecurringRunService.GetRecurringRun", request, timeout_seconds
        )
        return answer

    def list_recurring_runs(
        self,
        *,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        namespace: str | None = None,
        filter: FilterLike | None = None,
        experiment_id: str | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[recurring_run_pb2.RecurringRun]:
        """Returns an empty page, since there are no recurring runs.

        page_token: next_page_token of the page before; empty for the first page.
        page_size: Rows per page: 0 means 20, more than 200 means 200; negative values are refused.
        sort_by: A field, then "asc" (the default) or "desc". Fields: id, recurring_run_id, name, display_name,
            created_at, status, namespace, experiment_id.
        namespace: Namespace to list; ignored by a single-user server.
        filter: A Filter as JSON text, with the keys of sort_by.
        experiment_id: Only recurring runs of this experiment. NOT_FOUND when there is none.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            recurring_run_pb2.ListRecurringRunsRequest,
            {
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "namespace": namespace,
                "filter": None if filter is None else filter_text(filter),
                "experiment_id": experiment_id,
            },
        )
        return AsyncListing(
            lambda page: self._call("RecurringRunService.ListRecurringRuns", page, timeout_seconds),
            request,
            "recurringRuns",
        )

    async def enable_recurring_run(
        self,
        recurring_run_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Lets a recurring run start runs. NOT_FOUND for every id, since there are none.

        recurring_run_id: Required. Id of the recurring run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(recurring_run_pb2.EnableRecurringRunRequest, {"recurring_run_id": recurring_run_id})
        await self._call("RecurringRunService.EnableRecurringRun", request, timeout_seconds, idempotency_key)

    async def disable_recurring_run(
        self,
        recurring_run_id: str,
        *,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Keeps a recurring run from starting runs. NOT_FOUND for every id, since there are none.

        recurring_run_id: Required. Id of the recurring run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(recurring_run_pb2.DisableRecurringRunRequest, {"recurring_run_id": recurring_run_id})
        await self._call("RecurringRunService.DisableRecurringRun", request, timeout_seconds, idempotency_key)

    async def delete_recurring_run(
        self,
        recurring_run_id: str,
        *,
        propagation_policy: str | int | None = None,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        """Deletes a recurring run. NOT_FOUND for every id, since there are none.

        recurring_run_id: Required. Id of the recurring run.
        propagation_policy: What happens to the resources that belong to it.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(
            recurring_run_pb2.DeleteRecurringRunRequest,
            {"recurring_run_id": recurring_run_id, "propagation_policy": propagation_policy},
        )
        await self._call("RecurringRunService.DeleteRecurringRun", request, timeout_seconds, idempotency_key)

    async def get_lineage(
        self,
        *,
        start: Iterable[str] | None = None,
        direction: str | int | None = None,
        hops: int | None = None,
        node_limit: int | None = None,
        fanout_limit: int | None = None,
        edges: Iterable[str | int] | None = None,
        groups: bool | None = None,
        cached: bool | None = None,
        within: str | None = None,
        namespace: str | None = None,
        run_names: bool | None = None,
        timeout_seconds: float | None = None,
    ) -> lineage_pb2.Lineage:
        """Walks from tasks, artifacts and runs to what they came from, and to what came of them. A walk has bounds: hops,
        nodes, consumers of one artifact, two seconds. Wherever it stopped there is a cut, which says why.

        start: Where to begin, 1 to 20: `artifact/ID`, `task/ID`, `run/ID`, which is all tasks of the run, or `uri/URI`,
            which is the artifacts that were written to it or read from it.
        direction: Where to go. Default: both ways.
        hops: How many tasks may lie between the start and the end of a walk. Default: 10, at most 50.
        node_limit: How many nodes the answer may have, and a tenth of how many edges. Default: 500, at most 5000.
        fanout_limit: How many of the tasks that took one artifact are followed. Default: 50, at most 500.
        edges: Which edges to follow. Default: all but PARAMETER.
        groups: Whether tasks that group others, and repeat what these take and make, are shown as well.
        cached: Whether tasks that took their results from the cache are followed as if they had made them.
        within: `run/ID` or `experiment/ID`: a task outside of it is shown, but not followed.
        namespace: The namespace to look in. Default: all that the caller may see.
        run_names: Whether nodes come with the names of their runs, which takes one statement more.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            lineage_pb2.GetLineageRequest,
            {
                "start": start,
                "direction": direction,
                "hops": hops,
                "node_limit": node_limit,
                "fanout_limit": fanout_limit,
                "edges": edges,
                "groups": groups,
                "cached": cached,
                "within": within,
                "namespace": namespace,
                "run_names": run_names,
            },
        )
        answer: lineage_pb2.Lineage = await self._call("LineageService.GetLineage", request, timeout_seconds)
        return answer

    def search(
        self,
        *,
        query: str | None = None,
        kinds: Iterable[str] | None = None,
        namespace: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[lineage_pb2.Node]:
        """Finds runs, tasks, artifacts and experiments by id, by uri, by words of their names, and by qualifiers.

        query: Words, ids, uris and qualifiers, as in `churn state:failed since:2d`. All must hold; words with spaces
            stand in quotes. `state:` a state of runs; `pipeline:` and `experiment:` an id, a name, or else a part of
            names; `type:` a type of artifacts; `since:` and `until:` a time or an age, as 2026-03-01 or 12h; `metric:`
            a comparison, as accuracy>0.9. Tasks and artifacts have what the runs have in which they were made.
        kinds: Which kinds to find: `run`, `task`, `artifact`, `experiment`. Default: all, but tasks by name only if a
            qualifier says in which runs; without words, only runs, or artifacts if there is a `type:`.
        namespace: The namespace to search. Default: all that the caller may see.
        page_size: How many nodes to return. Default: 20, at most 200.
        page_token: Where to go on: the token of the page before.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            lineage_pb2.SearchRequest,
            {"query": query, "kinds": kinds, "namespace": namespace, "page_size": page_size, "page_token": page_token},
        )
        return AsyncListing(lambda page: self._call("LineageService.Search", page, timeout_seconds), request, "nodes")

    async def compare_runs(
        self,
        *,
        run_ids: Iterable[str] | None = None,
        only_differences: bool | None = None,
        timeout_seconds: float | None = None,
    ) -> lineage_pb2.RunComparison:
        """Compares the parameters, metrics and artifacts of runs.

        run_ids: The runs, 2 to 200, each once. Of more than 20, only numbers are compared.
        only_differences: Whether rows that are equal in all runs are left out.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(lineage_pb2.CompareRunsRequest, {"run_ids": run_ids, "only_differences": only_differences})
        answer: lineage_pb2.RunComparison = await self._call("LineageService.CompareRuns", request, timeout_seconds)
        return answer

    async def get_overview(
        self,
        *,
        namespace: str | None = None,
        latest: int | None = None,
        timeout_seconds: float | None = None,
    ) -> overview_pb2.Overview:
        """Returns how many runs there are in each state, what needs a look, the latest runs, and the address of the web
        UI. Everything is read from one snapshot. Of each state the newest runs are looked at, so that it takes as long
        in a large store.

        namespace: Namespace to look at. Required with several users; ignored by a single-user server.
        latest: How many of the latest runs to return. Default: 10, at most 100.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(overview_pb2.GetOverviewRequest, {"namespace": namespace, "latest": latest})
        answer: overview_pb2.Overview = await self._call("OverviewService.GetOverview", request, timeout_seconds)
        return answer

    def list_run_summaries(
        self,
        *,
        namespace: str | None = None,
        experiment_id: str | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        sort_by: str | None = None,
        filter: FilterLike | None = None,
        columns: Iterable[str] | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncListing[overview_pb2.RunSummary]:
        """Lists runs with what went wrong in them, their metrics, and parameters and metrics as columns. Filters and
        orders are those of RunService.ListRuns. Tokens are made alike, but those of one call are refused by the other.

        namespace: Namespace to list. Required with several users; ignored by a single-user server.
        experiment_id: Lists only the runs of this experiment.
        page_token: next_page_token of the previous page; empty for the first page.
        page_size: Rows per page; 0 means 20, more than 200 means 200.
        sort_by: A field that ListRuns sorts by, then "asc" (the default) or "desc". Default: created_at.
        filter: A Filter as JSON text, as in RunService.ListRuns.
        columns: Which parameters and metrics to return as columns: `param:NAME` or `metric:NAME`, at most 20. A
            parameter is one that the run was started with, otherwise an input of its ROOT task. One that takes more
            than 1000 characters as JSON is cut, and comes as a text. A metric is one of the first 100 of the run by
            name.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            overview_pb2.ListRunSummariesRequest,
            {
                "namespace": namespace,
                "experiment_id": experiment_id,
                "page_token": page_token,
                "page_size": page_size,
                "sort_by": sort_by,
                "filter": None if filter is None else filter_text(filter),
                "columns": columns,
            },
        )
        return AsyncListing(
            lambda page: self._call("OverviewService.ListRunSummaries", page, timeout_seconds), request, "runs"
        )

    async def get_run_report(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> runs_pb2.RunReport:
        """Returns what happened in a run: where it failed first and with what, what was different when it last succeeded,
        what it made. Everything is read from one snapshot, and of each kind a bounded number of rows, however many
        tasks the run has.

        run_id: The id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(runs_pb2.GetRunReportRequest, {"run_id": run_id})
        answer: runs_pb2.RunReport = await self._call("RunReportService.GetRunReport", request, timeout_seconds)
        return answer

    async def get_run_level(
        self,
        run_id: str,
        *,
        parent_task_id: str | None = None,
        iteration: int | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        timeout_seconds: float | None = None,
    ) -> runs_pb2.RunLevel:
        """Returns the tasks that are directly in a group of a run, as the nodes of a graph, with the rows of what is in
        them.

        run_id: The id of the run.
        parent_task_id: The group whose tasks are wanted. Default: the ROOT task, and what else is in no group.
        iteration: Which iteration of a loop is wanted. Default: the first that has a failed task, else the first.
        page_token: next_page_token of the previous page; empty for the first page.
        page_size: Tasks per page; 0 or more than 200 means 200.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(
            runs_pb2.GetRunLevelRequest,
            {
                "run_id": run_id,
                "parent_task_id": parent_task_id,
                "iteration": iteration,
                "page_token": page_token,
                "page_size": page_size,
            },
        )
        answer: runs_pb2.RunLevel = await self._call("RunReportService.GetRunLevel", request, timeout_seconds)
        return answer

    async def get_run_progress(
        self,
        run_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> runs_pb2.RunProgress:
        """Returns how far a run has come. It is small: pages ask for it again and again while a run is not finished.

        run_id: The id of the run.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(runs_pb2.GetRunProgressRequest, {"run_id": run_id})
        answer: runs_pb2.RunProgress = await self._call("RunReportService.GetRunProgress", request, timeout_seconds)
        return answer

    async def get_artifact_report(
        self,
        artifact_id: str,
        *,
        timeout_seconds: float | None = None,
    ) -> artifacts_pb2.ArtifactReport:
        """Returns what made an artifact: the task and its run, parameters, inputs, container image and metrics, other
        versions at its uri. Everything is read from one snapshot. Which of an artifact's tasks made it is decided as in
        GetLineage: by tasks rather than groups of them, rather than by importers, rather than by those that found it in
        the cache. However much has used the artifact, and however large its run is, as much is read.

        artifact_id: The id of the artifact.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        """
        request = build(artifacts_pb2.GetArtifactReportRequest, {"artifact_id": artifact_id})
        answer: artifacts_pb2.ArtifactReport = await self._call(
            "ArtifactReportService.GetArtifactReport", request, timeout_seconds
        )
        return answer

    async def update_artifact(
        self,
        artifact_id: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        number_value: float | None = None,
        timeout_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> metrics_pb2.UpdateArtifactResponse:
        """Replaces the metadata and the number of an artifact of the type Metric, as while a task trains. Both are
        replaced as a whole: what the request leaves empty is removed. A series in the metadata never becomes shorter:
        its length is `points`, or without it the length of the list `series`, and 0 without both. A request with a
        shorter series than is stored fails with FAILED_PRECONDITION, reason SHORTER_SERIES; the same length is allowed,
        so that a call may be repeated. Artifacts of other types are never changed: FAILED_PRECONDITION, reason
        NOT_A_METRIC. From the first change on, CreateArtifact with reuse_if_exists finds the artifact by what it has
        become, no longer by what it was created with.

        artifact_id: The id of the artifact.
        metadata: The new metadata, with the limits of CreateArtifact. If `series` is there, it must be a list of
            objects: `step`, a whole number; `time`, in seconds since 1970; `value`, a number or one of the texts "NaN",
            "Infinity" and "-Infinity". `points` says how many points there were before a long series was thinned out,
            and is at least the length of the list.
        number_value: The new number, which must be finite. Absent means none.
        timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.
        idempotency_key: Text under which the server does this once; a new one for each call if absent.
        """
        request = build(
            metrics_pb2.UpdateArtifactRequest,
            {"artifact_id": artifact_id, "metadata": metadata, "number_value": number_value},
        )
        answer: metrics_pb2.UpdateArtifactResponse = await self._call(
            "MetricService.UpdateArtifact", request, timeout_seconds, idempotency_key
        )
        return answer
