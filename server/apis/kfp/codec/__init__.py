"""Records ⇄ protobuf: pure functions. Services import from here, not from the modules within.

Functions that return a message write it into an empty `target` where one is given: a message that is made by itself and then
put into another is copied, which takes a tenth of the time of making it.
"""

from server.apis.kfp.codec.artifacts import (
    artifact_data,
    artifact_list,
    artifact_task_message,
    metadata_text,
    new_artifact,
    new_link,
)
from server.apis.kfp.codec.pipelines import (
    experiment_message,
    label_update,
    new_experiment,
    new_pipeline,
    pipeline_message,
    pipeline_version_message,
    version_texts,
)
from server.apis.kfp.codec.runs import (
    RUN_SIZE,
    basic_run_message,
    new_run,
    pipeline_spec,
    run_message,
    run_start,
    write_run,
)
from server.apis.kfp.codec.task_json import NoJson
from server.apis.kfp.codec.tasks import (
    JSON,
    TASK_SIZE,
    WIRE,
    largest_metadata,
    new_task,
    task_data,
    task_size,
    task_texts,
    task_update,
    write_tasks,
)
from server.rules.unusable import UnusableValue
from server.well_known.times import microseconds, moment_of_text
from server.well_known.values import plain_values, set_struct

__all__ = [
    "JSON",
    "RUN_SIZE",
    "TASK_SIZE",
    "WIRE",
    "NoJson",
    "UnusableValue",
    "artifact_data",
    "artifact_list",
    "artifact_task_message",
    "basic_run_message",
    "experiment_message",
    "label_update",
    "largest_metadata",
    "metadata_text",
    "microseconds",
    "moment_of_text",
    "new_artifact",
    "new_experiment",
    "new_link",
    "new_pipeline",
    "new_run",
    "new_task",
    "pipeline_message",
    "pipeline_spec",
    "pipeline_version_message",
    "plain_values",
    "run_message",
    "run_start",
    "set_struct",
    "task_data",
    "task_size",
    "task_texts",
    "task_update",
    "version_texts",
    "write_run",
    "write_tasks",
]
