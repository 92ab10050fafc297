"""New experiments, and what pipelines and versions are called. Records only, no messages."""

from typing import Any

import pytest

from server.errors import Aborted, InvalidArgument, NotFound
from server.rules.experiments import NewExperiment, delete_unless_default, new_experiment
from server.rules.pipelines import LabelUpdate, NewPipeline, VersionTexts, first_version_texts, new_pipeline
from storage.model import Experiment
from tests.server.codec_messages import NOW
from tests.server.transactions import transaction

NEW = NewExperiment("E", "d", "sent")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"display_name": ""}, "experiment.display_name is required"),
        ({"display_name": "x" * 129}, "experiment.display_name is longer than 128"),
        ({"requested_namespace": "x" * 64}, "experiment.namespace is longer than 63"),
        ({"description": "\x00"}, "experiment.description contains a NUL"),
        ({"display_name": "\x00", "description": "\x00"}, "experiment.display_name contains a NUL"),
    ],
)
def test_a_new_experiment_is_refused_for_what_is_missing_or_too_long(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(InvalidArgument, match=error):
        new_experiment(NEW._replace(**changes), experiment_id="e1", namespace="", now=NOW)


def test_a_new_experiment_is_in_the_namespace_of_the_call() -> None:
    kept = new_experiment(NEW, experiment_id="e1", namespace="here", now=NOW)
    assert (kept.name, kept.description, kept.namespace, kept.created_at) == ("E", "d", "here", NOW)
    assert kept.storage_state == "AVAILABLE"


async def test_the_default_experiment_is_the_one_that_cannot_be_deleted() -> None:
    rows = [Experiment(id=id, name=id, created_at=NOW) for id in ("default", "other")]
    tx = transaction(experiments=rows)
    await delete_unless_default(tx, "other")  # while there is no default one
    tx.experiments.default = "default"
    with pytest.raises(Aborted, match="the default experiment cannot be deleted"):
        await delete_unless_default(tx, "default")
    with pytest.raises(NotFound):
        await delete_unless_default(tx, "\x00")
    assert tx.experiments.rows == rows[:1]


def test_an_update_of_labels_is_checked_for_its_resource() -> None:
    LabelUpdate().check_pipeline()
    LabelUpdate("x" * 1_024, {}).check_version()
    long = LabelUpdate("x" * 1_025)
    with pytest.raises(InvalidArgument, match=r"^pipeline\.display_name is longer than 1024"):
        long.check_pipeline()
    with pytest.raises(InvalidArgument, match=r"^pipeline_version\.display_name is longer than 1024"):
        long.check_version()
    for labels in (LabelUpdate("", {"a.b": ""}), LabelUpdate("", {"a": "x" * 64})):
        with pytest.raises(InvalidArgument, match="tag"):
            labels.check_pipeline()


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (VersionTexts("v", "V", "d"), ("v", "V", "d")),
        (VersionTexts("v"), ("v", "v", "of the pipeline")),
        (VersionTexts("", "V"), ("V", "V", "of the pipeline")),
        (VersionTexts(""), ("p" * 127, "P", "of the pipeline")),
    ],
)
def test_a_first_version_takes_what_it_lacks_from_its_pipeline(sent: VersionTexts, names: tuple[str, ...]) -> None:
    new = NewPipeline("p" * 128, "P", "of the pipeline")
    pipeline = new_pipeline(new, pipeline_id="p1", namespace="", now=NOW)
    texts = first_version_texts(sent, pipeline)
    assert (texts.name, texts.display_name, texts.description) == names
