"""Pipelines, their versions and experiments: record → message. Services call this."""

from typing import Any

from lineal.v2beta1 import experiment_pb2, pipeline_pb2

from server.well_known.times import set_time
from server.well_known.values import set_struct
from storage.documents.plain import object_of
from storage.model import Experiment, Pipeline, PipelineVersion, StorageState

_STORAGE_STATES = {state.name: state.value for state in StorageState}


def experiment_message(experiment: Experiment) -> experiment_pb2.Experiment:
    """Return an experiment as clients see it; the time of its last run is the epoch until one comes."""
    message: Any = experiment_pb2.Experiment(
        experiment_id=experiment.id,
        display_name=experiment.name,
        description=experiment.description,
        namespace=experiment.namespace,
    )
    message.storage_state = _STORAGE_STATES.get(experiment.storage_state, 0)
    set_time(message.created_at, experiment.created_at)
    set_time(message.last_run_created_at, experiment.last_run_created_at)
    return message  # type: ignore[no-any-return]


def pipeline_message(pipeline: Pipeline) -> pipeline_pb2.Pipeline:
    """Return a pipeline as clients see it."""
    message = pipeline_pb2.Pipeline(
        pipeline_id=pipeline.id,
        name=pipeline.name,
        display_name=pipeline.display_name,
        description=pipeline.description,
        namespace=pipeline.namespace,
        tags=pipeline.tags,
    )
    set_time(message.created_at, pipeline.created_at)
    return message


def pipeline_version_message(version: PipelineVersion) -> pipeline_pb2.PipelineVersion:
    """Return a pipeline version as clients see it, with its specification."""
    message = pipeline_pb2.PipelineVersion(
        pipeline_id=version.pipeline_id,
        pipeline_version_id=version.id,
        name=version.name,
        display_name=version.display_name,
        description=version.description,
        code_source_url=version.code_source_url,
        tags=version.tags,
    )
    set_time(message.created_at, version.created_at)
    if version.package_url:
        message.package_url.pipeline_url = version.package_url
    spec = object_of(version.pipeline_spec)
    if spec is not None:
        set_struct(message.pipeline_spec, spec)
    return message
