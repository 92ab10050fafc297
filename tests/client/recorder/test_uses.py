"""`uses=`: artifacts by themselves, by id and by uri; what was not logged in the run is imported."""

import pytest

from tests.api.builders import unique
from tests.client.recorder.recorded import Recorder, artifacts, links, type_of

pytestmark = pytest.mark.one_database


def test_a_logged_artifact_is_linked_with_the_task_that_made_it(recorder: Recorder) -> None:
    with recorder.run() as run:
        with run.task("read") as read:
            table = read.log_artifact("table", "s3://b/t", type="Dataset")
        with run.task("fit", uses=[table]), run.task("check", uses={"data": table}):
            pass
    recorded = recorder.read(run)
    assert links(recorded.task("fit").inputs) == {"table": ("TASK_OUTPUT_INPUT", "read")}
    assert links(recorded.task("check").inputs) == {"data": ("TASK_OUTPUT_INPUT", "read")}
    assert artifacts(recorded.task("fit").inputs)["table"][0].artifact_id == table.id


def test_one_artifact_needs_no_list(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("read") as read:
        table = read.log_artifact("table", "s3://b/t")
        with run.task("fit", uses=table), run.task("check", uses="s3://b/t"):
            pass
    recorded = recorder.read(run)
    assert set(artifacts(recorded.task("fit").inputs)) == set(artifacts(recorded.task("check").inputs)) == {"table"}


def test_a_uri_that_was_logged_in_the_run_is_that_artifact(recorder: Recorder) -> None:
    uri = f"s3://b/{unique()}"
    with recorder.run() as run:
        with run.task("read") as read:
            table = read.log_artifact("table", uri)
        with run.task("fit", uses=[uri]):
            pass
    recorded = recorder.read(run)
    assert artifacts(recorded.task("fit").inputs)["table"][0].artifact_id == table.id
    assert [task.name for task in recorded.tasks] == ["ROOT", "read", "fit"]


def test_any_other_uri_is_imported_once_per_run(recorder: Recorder) -> None:
    uri = f"s3://b/{unique()}/mails.parquet?version=3"
    with recorder.run() as run, run.group("prepare"):
        for name in ("fit", "check"):
            with run.task(name, uses=[uri]):
                pass
    recorded = recorder.read(run)
    importer = recorded.task("import-mails.parquet")
    assert (type_of(importer), importer.parent_task_id) == ("IMPORTER", recorded.root.task_id)
    assert links(recorded.task("fit").inputs) == {"mails.parquet": ("TASK_OUTPUT_INPUT", "import-mails.parquet")}
    [artifact] = artifacts(importer.outputs)["mails.parquet"]
    assert (artifact.uri, recorded.states()["import-mails.parquet"]) == (uri, "SUCCEEDED")


def test_what_is_imported_again_is_the_same_artifact(recorder: Recorder) -> None:
    uri, ids = f"s3://b/{unique()}", []
    for _ in range(2):
        with recorder.run() as run, run.task("fit", uses={"data": uri}):
            pass
        ids.append(artifacts(recorder.read(run).task("fit").inputs)["data"][0].artifact_id)
    assert ids[0] == ids[1]


def test_an_import_can_have_a_name_a_type_and_metadata(recorder: Recorder) -> None:
    with recorder.run() as run:
        mails = run.import_artifact(f"s3://b/{unique()}", "mails", type="Dataset", metadata={"rows": 3})
        with run.task("fit", uses=[mails]):
            pass
    recorded = recorder.read(run)
    [artifact] = artifacts(recorded.task("import-mails").outputs)["mails"]
    assert (artifact.artifact_id, artifact.Type if hasattr(artifact, "Type") else artifact.type) == (mails.id, 3)
    assert links(recorded.task("fit").inputs) == {"mails": ("TASK_OUTPUT_INPUT", "import-mails")}


def test_an_artifact_of_another_run_is_a_value_given_at_runtime(recorder: Recorder) -> None:
    with recorder.run() as other, other.task("fit") as fit:
        model = fit.log_artifact("model", "s3://m/1", type="Model")
    with recorder.run() as run, run.task("check", uses=[model]), run.task("deploy", uses={"served": model.id}):
        pass
    recorded = recorder.read(run)
    assert links(recorded.task("check").inputs) == {"model": ("RUNTIME_VALUE_INPUT", "ROOT")}
    assert links(recorded.task("deploy").inputs) == {"served": ("RUNTIME_VALUE_INPUT", "ROOT")}
    assert artifacts(recorded.task("deploy").inputs)["served"][0].artifact_id == model.id


def test_the_id_of_an_artifact_of_the_run_is_that_artifact(recorder: Recorder) -> None:
    with recorder.run() as run:
        with run.task("fit") as fit:
            model = fit.log_artifact("model", "s3://m/1", type="Model")
        with run.task("check", uses=[model.id]):
            pass
    assert links(recorder.read(run).task("check").inputs) == {"model": ("TASK_OUTPUT_INPUT", "fit")}


def test_outputs_of_several_iterations_are_collected(recorder: Recorder) -> None:
    models = []
    with recorder.run() as run:
        with run.loop("tune", [2, 4]) as loop:
            for depth in loop:
                with loop.task("train") as task:
                    models.append(task.log_artifact("model", f"s3://m/{depth}", type="Model"))
        with run.task("compare", uses={"models": models}), run.task("deploy", uses=models[1:]):
            pass
    recorded = recorder.read(run)
    assert links(recorded.task("compare").inputs) == {"models": ("COLLECTED_INPUTS", "train")}
    assert links(recorded.task("deploy").inputs) == {"model": ("TASK_OUTPUT_INPUT", "train")}
    assert len(artifacts(recorded.task("compare").inputs)["models"]) == 2


def test_an_id_that_nobody_has_is_reported_and_spoils_nothing_else(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit", uses=["01980000-0000-7000-8000-000000000000"]) as task:
        task.output("rows", 3)
    recorded = recorder.read(run)
    assert (recorded.states()["fit"], recorded.task("fit").inputs.artifacts) == ("SUCCEEDED", [])


@pytest.mark.parametrize(
    ("uses", "error", "message"),
    [
        (3, TypeError, "uses: must be a logged artifact, an id, a uri, or a list of them, not int"),
        ([3], TypeError, r"uses\[0\]: must be a logged artifact, an id or a uri, not int"),
        ({"": "s3://b/t"}, ValueError, r"uses\[''\]: must not be empty"),
        ([""], ValueError, r"uses\[0\]: must not be empty"),
        (["s3://" + "x" * 2_048], ValueError, "is longer than 2048 characters"),
    ],
)
def test_what_cannot_be_used_is_refused(recorder: Recorder, uses: object, error: type, message: str) -> None:
    with recorder.run() as run, pytest.raises(error, match=message):
        run.task("fit", uses=uses)  # type: ignore[arg-type]
    assert [task.name for task in recorder.read(run).tasks] == ["ROOT"]
