"""Messages are written where they belong: into an empty target, with the same fields as a message made by itself."""

from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, experiment_pb2, pipeline_pb2, run_pb2

from server.apis.kfp import codec
from tests.contract.builders import a_link, a_pipeline, a_run, a_task, a_version, an_artifact, an_experiment

RUN = a_run(description="d", pipeline_spec="{}")
TASK = a_task(RUN.id, name="t", parent_task_id="p")
ARTIFACT = an_artifact(uri="s3://a", metadata='{"a": 1}')
PIPELINE = a_pipeline(tags={"a": "b"})
CASES = {
    "run": (
        lambda *target: codec.run_message(RUN, *target, with_spec=True, task_count=1),
        run_pb2.ListRunsResponse().runs,
    ),
    "basic run": (lambda *target: codec.basic_run_message(RUN, *target, task_count=1), run_pb2.ListRunsResponse().runs),
    "link": (
        lambda *target: codec.artifact_task_message(a_link(TASK, ARTIFACT, id="l"), *target),
        artifact_pb2.ListArtifactTasksResponse().artifact_tasks,
    ),
    "experiment": (
        lambda *target: codec.experiment_message(an_experiment(id="e", name="e"), *target),
        experiment_pb2.ListExperimentsResponse().experiments,
    ),
    "pipeline": (
        lambda *target: codec.pipeline_message(PIPELINE, *target),
        pipeline_pb2.ListPipelinesResponse().pipelines,
    ),
    "version": (
        lambda *target: codec.pipeline_version_message(a_version("p", id="v", name="v", tags={"a": "b"}), *target),
        pipeline_pb2.ListPipelineVersionsResponse().pipeline_versions,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_message_is_written_into_its_target(case: str) -> None:
    make, rows = CASES[case]
    target: Any = rows.add()
    assert make(target) is target
    assert rows[0] == make()
    assert rows[0].ByteSize() > 0
