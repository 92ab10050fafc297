"""Records tasks in ML Metadata as KFP's driver and launcher did; run in that library's environment: `python mlmd_load.py PORT CLIENTS`.

Each line of its input is a number of seconds for which the clients record tasks; each line that it prints is what came of that, as
JSON. A task is 27 calls: 13 of the driver, 14 of the launcher, for a container with one input and one output artifact. It imports
nothing of this project.
"""

import json
import sys
import threading
import time
import uuid

import grpc
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service

PREFIX = "/ml_metadata.MetadataStoreService/"
TASKS_PER_RUN = 30
RETRIES = 20
STRUCT_FIELDS = 4


class Client:
    """One pod after another: records tasks in runs of its own."""

    def __init__(self, port, number):
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])
        self._pipeline = f"pipeline-{number}"
        self._tasks = 0
        self.calls = self.retries = 0
        self.begin_run()

    def call(self, name, **fields):
        """Make a call; one that is aborted is made again, as KFP's client does."""
        request, answer = getattr(service, f"{name}Request")(**fields), getattr(service, f"{name}Response")
        method = self._channel.unary_unary(PREFIX + name, type(request).SerializeToString, answer.FromString)
        self.calls += 1
        for attempt in range(RETRIES):
            try:
                return method(request, timeout=120)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.ABORTED or attempt == RETRIES - 1:
                    raise
                self.retries += 1
                time.sleep(0.01 * 2 ** min(attempt, 6))

    def begin_run(self):
        """Create the contexts of a run, its root, and the artifact that its tasks take."""
        self._run = str(uuid.uuid4())
        for name in ("system.Pipeline", "system.PipelineRun"):
            self.call("PutContextType", context_type=mlmd.ContextType(name=name))
        pipeline_type, run_type = (
            self.call("GetContextType", type_name=name).context_type.id
            for name in ("system.Pipeline", "system.PipelineRun")
        )
        known = self.call("GetContextByTypeAndName", type_name="system.Pipeline", context_name=self._pipeline).context
        if not known.id:
            new = mlmd.Context(type_id=pipeline_type, name=self._pipeline)
            known.id = self.call("PutContexts", contexts=[new]).context_ids[0]
        run = mlmd.Context(type_id=run_type, name=self._run)
        values = {
            "namespace": "team-a",
            "resource_name": "run-resource",
            "pipeline_root": "minio://bucket/v2/artifacts",
        }
        for key, value in {**values, "store_session_info": '{"Provider":"minio"}'}.items():
            run.custom_properties[key].string_value = value
        run_id = self.call("PutContexts", contexts=[run]).context_ids[0]
        self.call("PutParentContexts", parent_contexts=[mlmd.ParentContext(child_id=run_id, parent_id=known.id)])
        dag_type = self.call("PutExecutionType", execution_type=mlmd.ExecutionType(name="system.DAGExecution")).type_id
        root = mlmd.Execution(type_id=dag_type, name=f"run/{self._run}", last_known_state=mlmd.Execution.RUNNING)
        contexts = [mlmd.Context(id=known.id, type_id=pipeline_type, name=self._pipeline), run]
        run.id = run_id
        self._root = self.call("PutExecution", execution=root, contexts=contexts).execution_id
        artifact = self._new_artifact("data")
        self._producer = self._published(self._root, contexts, artifact)

    def _published(self, root, contexts, artifact):
        type_id = self.call("PutExecutionType", execution_type=_CONTAINER).type_id
        execution = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.COMPLETE)
        execution.custom_properties["parent_dag_id"].int_value = root
        pair = service.PutExecutionRequest.ArtifactAndEvent(artifact=artifact, event=_event(mlmd.Event.OUTPUT, "data"))
        answer = self.call("PutExecution", execution=execution, contexts=contexts, artifact_event_pairs=[pair])
        return answer.execution_id

    def _new_artifact(self, key):
        type_id = self.call("PutArtifactType", artifact_type=_DATASET).type_id
        artifact = mlmd.Artifact(type_id=type_id, uri=f"minio://bucket/{uuid.uuid4()}", state=mlmd.Artifact.LIVE)
        artifact.custom_properties["display_name"].string_value = key
        artifact.custom_properties["rows"].double_value = 12.5
        return artifact

    def record_task(self):
        """Make the calls of one task."""
        if self._tasks == TASKS_PER_RUN:
            self.begin_run()
            self._tasks, self.calls = 0, 0
        self._tasks += 1
        self._launch(self._drive())

    def _pipeline_contexts(self):
        """Make the 3 calls that find a run."""
        pipeline = self.call(
            "GetContextByTypeAndName", type_name="system.Pipeline", context_name=self._pipeline
        ).context
        run = self.call("GetContextByTypeAndName", type_name="system.PipelineRun", context_name=self._run).context
        self.call("GetParentContextsByContext", context_id=run.id)
        return [pipeline, run]

    def _execution(self, id):
        """Make the 4 calls that read an execution with its contexts."""
        [execution] = self.call("GetExecutionsByID", execution_ids=[id]).executions
        for name in ("system.Pipeline", "system.PipelineRun"):
            self.call("PutContextType", context_type=mlmd.ContextType(name=name))
        self.call("GetContextsByExecution", execution_id=id)
        return execution

    def _artifacts_of(self, execution_id, kind):
        """Make the 2 calls that read the artifacts which an execution took or made."""
        events = self.call("GetEventsByExecutionIDs", execution_ids=[execution_id]).events
        ids = [event.artifact_id for event in events if event.type == kind]
        return self.call("GetArtifactsByID", artifact_ids=ids).artifacts

    def _drive(self):
        """Make the 13 calls of the driver and return the id of the execution."""
        contexts = self._pipeline_contexts()
        dag = self._execution(self._root)
        options = mlmd.ListOperationOptions(filter_query=f"custom_properties.parent_dag_id.int_value = {dag.id}")
        self.call("GetExecutionsByContext", context_id=contexts[1].id, options=options)
        [taken] = self._artifacts_of(self._producer, mlmd.Event.OUTPUT)
        type_id = self.call("PutExecutionType", execution_type=_CONTAINER).type_id
        execution = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.RUNNING)
        texts = ("display_name", "task_name", "pod_name", "pod_uid", "namespace", "image", "cache_fingerprint")
        for name in texts:
            execution.custom_properties[name].string_value = f"{name} {self._tasks}"
        execution.custom_properties["parent_dag_id"].int_value = self._root
        inputs = execution.custom_properties["inputs"].struct_value
        for place in range(STRUCT_FIELDS):
            inputs[f"p{place}"] = "value " * 4
        pair = service.PutExecutionRequest.ArtifactAndEvent(event=_event(mlmd.Event.INPUT, "data", taken.id))
        answer = self.call("PutExecution", execution=execution, contexts=contexts, artifact_event_pairs=[pair])
        self.call("GetExecutionsByID", execution_ids=[answer.execution_id])
        return answer.execution_id

    def _launch(self, execution_id):
        """Make the 14 calls of the launcher."""
        execution = self._execution(execution_id)
        execution.custom_properties["pod_name"].string_value = f"pod-{execution_id}"
        self.call("PutExecution", execution=execution)
        contexts = self._pipeline_contexts()
        self._artifacts_of(execution_id, mlmd.Event.INPUT)
        type_id = self.call("GetArtifactType", type_name=_DATASET.name).artifact_type.id
        artifact = mlmd.Artifact(type_id=type_id, uri=f"minio://bucket/{uuid.uuid4()}", state=mlmd.Artifact.LIVE)
        artifact.custom_properties["display_name"].string_value = "data"
        artifact.custom_properties["rows"].double_value = 12.5
        [artifact_id] = self.call("PutArtifacts", artifacts=[artifact]).artifact_ids
        self.call("GetArtifactsByID", artifact_ids=[artifact_id])
        execution.last_known_state = mlmd.Execution.COMPLETE
        execution.custom_properties["outputs"].struct_value["rows"] = 12.5
        pair = service.PutExecutionRequest.ArtifactAndEvent(event=_event(mlmd.Event.OUTPUT, "data", artifact_id))
        self.call("PutExecution", execution=execution, contexts=contexts, artifact_event_pairs=[pair])


_CONTAINER = mlmd.ExecutionType(name="system.ContainerExecution")
_DATASET = mlmd.ArtifactType(name="system.Dataset")


def _event(kind, key, artifact_id=None):
    event = mlmd.Event(type=kind, artifact_id=artifact_id)
    event.path.steps.add(key=key)
    return event


def _record_until(client, end, times, failures):
    try:
        while (started := time.monotonic()) < end:
            client.record_task()
            times.append((time.monotonic() - started) * 1000)
    except grpc.RpcError as error:
        failures.append(f"{error.code().name}: {error.details()}")


def record(clients, seconds):
    """Record tasks with all clients for a time, at least one each, and return what came of it."""
    times, failures = [], []
    retries = sum(client.retries for client in clients)
    started = time.monotonic()
    arguments = (started + seconds, times, failures)
    threads = [threading.Thread(target=_record_until, args=(client, *arguments)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    retries = sum(client.retries for client in clients) - retries
    return {"times": times, "seconds": time.monotonic() - started, "failures": failures[:3], "retries": retries}


def main():
    """Record when told to."""
    clients = [Client(int(sys.argv[1]), number) for number in range(int(sys.argv[2]))]
    before = clients[0].calls
    clients[0].record_task()
    sys.stdout.write(json.dumps({"calls": clients[0].calls - before}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(record(clients, float(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
