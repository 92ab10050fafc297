"""Unknown fields of a message's JSON are left out, for APIs that ignore them; all else is as the strict reader has it."""

from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2, run_pb2

from server.doors.rest.json_reader import fill
from server.doors.rest.unknown_fields import without_unknown
from server.errors import InvalidArgument


@pytest.mark.parametrize(
    ("message", "plain", "known"),
    [
        (run_pb2.GetRunRequest, {"run_id": "r", "runId2": 1}, {"run_id": "r"}),
        (run_pb2.GetRunRequest, {"runId": "r"}, {"runId": "r"}),
        (run_pb2.CreateRunRequest, {"run": {"display_name": "x", "y": {}}, "z": 1}, {"run": {"display_name": "x"}}),
        (
            artifact_pb2.CreateArtifactsBulkRequest,
            {"artifacts": [{"x": 1, "artifact": {"name": "a", "x": [1]}}]},
            {"artifacts": [{"artifact": {"name": "a"}}]},
        ),
        # The keys of maps, of structs and of values are nobody's fields.
        (artifact_pb2.Artifact, {"metadata": {"any": {"x": 1}}}, {"metadata": {"any": {"x": 1}}}),
        (run_pb2.Run, {"pipeline_spec": {"any": {"x": 1}}}, {"pipeline_spec": {"any": {"x": 1}}}),
    ],
)
def test_unknown_fields_are_left_out_at_every_depth(message: Any, plain: Any, known: Any) -> None:
    assert without_unknown(message.DESCRIPTOR, plain) == known
    fill(message(), known)


@pytest.mark.parametrize("plain", [{"artifacts": {"x": 1}}, {"artifacts": [1]}, {"artifacts": "x"}, [], "x", None])
def test_what_is_of_another_type_is_left_to_the_reader(plain: Any) -> None:
    kept = without_unknown(artifact_pb2.CreateArtifactsBulkRequest.DESCRIPTOR, plain)
    assert kept == plain
    with pytest.raises(InvalidArgument):
        fill(artifact_pb2.CreateArtifactsBulkRequest(), kept)
