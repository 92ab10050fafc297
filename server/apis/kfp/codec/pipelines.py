"""Pipelines, their versions and experiments: request → the texts of a new one, and record → message. Services call this."""

from typing import Any

from lineal.v2beta1 import experiment_pb2, pipeline_pb2

from server.rules.experiments import NewExperiment
from server.rules.pipelines import LabelUpdate, NewPipeline, VersionTexts
from server.well_known.times import set_time
from server.well_known.values import set_struct
from storage.documents.plain import object_of
from storage.model import Experiment, Pipeline, PipelineVersion, StorageState

_STORAGE_STATES = {state.name: state.value for state in StorageState}


def experiment_message(
    experiment: Experiment, target: experiment_pb2.Experiment | None = None
) -> experiment_pb2.Experiment:
    """Return an experiment as clients see it; the time of its last run is the epoch until one comes."""
    message: Any = experiment_pb2.Experiment() if target is None else target
    message.experiment_id = experiment.id
    message.display_name = experiment.name
    message.description = experiment.description
    message.namespace = experiment.namespace
    message.storage_state = _STORAGE_STATES.get(experiment.storage_state, 0)
    set_time(message.created_at, experiment.created_at)
    set_time(message.last_run_created_at, experiment.last_run_created_at)
    return message  # type: ignore[no-any-return]


def pipeline_message(pipeline: Pipeline, target: pipeline_pb2.Pipeline | None = None) -> pipeline_pb2.Pipeline:
    """Return a pipeline as clients see it."""
    message = pipeline_pb2.Pipeline() if target is None else target
    message.pipeline_id = pipeline.id
    message.name = pipeline.name
    message.display_name = pipeline.display_name
    message.description = pipeline.description
    message.namespace = pipeline.namespace
    message.tags.update(pipeline.tags)
    set_time(message.created_at, pipeline.created_at)
    return message


def pipeline_version_message(
    version: PipelineVersion, target: pipeline_pb2.PipelineVersion | None = None
) -> pipeline_pb2.PipelineVersion:
    """Return a pipeline version as clients see it, with its specification."""
    message = pipeline_pb2.PipelineVersion() if target is None else target
    message.pipeline_id = version.pipeline_id
    message.pipeline_version_id = version.id
    message.name = version.name
    message.display_name = version.display_name
    message.description = version.description
    message.code_source_url = version.code_source_url
    message.tags.update(version.tags)
    set_time(message.created_at, version.created_at)
    if version.package_url:
        message.package_url.pipeline_url = version.package_url
    spec = object_of(version.pipeline_spec)
    if spec is not None:
        set_struct(message.pipeline_spec, spec)
    return message


def new_experiment(experiment: experiment_pb2.Experiment) -> NewExperiment:
    """Return what CreateExperiment says of an experiment."""
    return NewExperiment(experiment.display_name, experiment.description, experiment.namespace)


def new_pipeline(pipeline: pipeline_pb2.Pipeline) -> NewPipeline:
    """Return what a request says of a new pipeline."""
    return NewPipeline(
        pipeline.name, pipeline.display_name, pipeline.description, pipeline.namespace, dict(pipeline.tags)
    )


def version_texts(version: pipeline_pb2.PipelineVersion) -> VersionTexts:
    """Return what a request says of a new pipeline version, but for its tags."""
    return VersionTexts(
        name=version.name,
        display_name=version.display_name,
        description=version.description,
        package_url=version.package_url.pipeline_url,
        code_source_url=version.code_source_url,
    )


def label_update(message: pipeline_pb2.Pipeline | pipeline_pb2.PipelineVersion, *, clears_tags: bool) -> LabelUpdate:
    """Return what an update changes; without tags it leaves them as they are, or takes all away when it clears them."""
    tags = dict(message.tags)
    return LabelUpdate(message.display_name, tags if tags or clears_tags else None)
