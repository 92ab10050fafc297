"""Records ⇄ protobuf: pure functions, and the only place where stored JSON is written and read.

Services import from here, not from the modules within.
"""

from server.codec.artifacts import (
    artifact_from_request,
    artifact_message,
    artifact_task_from_request,
    artifact_task_message,
    identity_key,
    output_link,
)
from server.codec.json_columns import JSON_COLUMN_BYTES, json_object
from server.codec.pipelines import experiment_message, pipeline_message, pipeline_version_message
from server.codec.runs import (
    append_run_state,
    basic_run_message,
    check_run_text,
    pipeline_spec_text,
    plugins_input_text,
    run_message,
    runtime_config_text,
)
from server.codec.tasks import append_task_state, merge_task, task_from_request, task_message
from server.codec.times import microseconds, moment_of_text
from server.codec.unusable import UnusableValue
from server.codec.values import plain_values, set_struct

__all__ = [
    "JSON_COLUMN_BYTES",
    "UnusableValue",
    "append_run_state",
    "append_task_state",
    "artifact_from_request",
    "artifact_message",
    "artifact_task_from_request",
    "artifact_task_message",
    "basic_run_message",
    "check_run_text",
    "experiment_message",
    "identity_key",
    "json_object",
    "merge_task",
    "microseconds",
    "moment_of_text",
    "output_link",
    "pipeline_message",
    "pipeline_spec_text",
    "pipeline_version_message",
    "plain_values",
    "plugins_input_text",
    "run_message",
    "runtime_config_text",
    "set_struct",
    "task_from_request",
    "task_message",
]
