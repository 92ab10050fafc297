"""Commands that change runs: what they do, what they print, and when they ask."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lineal import Client, errors

from tests.cli_client.program import Lineal

pytestmark = pytest.mark.databases("sqlite")


def a_run(client: Client, name: str = "x") -> str:
    """The id of a new run."""
    return client.create_run(run={"display_name": name}).run_id


def test_a_new_run_is_printed_as_its_id(writer: Lineal, client: Client) -> None:
    experiment = client.create_experiment(experiment={"display_name": "made for a run"})
    words = ["--experiment", "made for a run", "--description", "by hand", "-p", "rate=0.1", "-p", 'depths=[3, "4"]']
    run_id = writer.out("runs", "create", "nightly", *words, "-p", "note=a=b", "-p", "nan=NaN").strip()
    run = client.get_run(run_id)
    assert (run.display_name, run.description, run.experiment_id) == ("nightly", "by hand", experiment.experiment_id)
    parameters = {name: value for name, value in run.runtime_config.parameters.items()}
    assert parameters["rate"].number_value == 0.1
    assert parameters["depths"].list_value.values[1].string_value == "4"
    assert (parameters["note"].string_value, parameters["nan"].string_value) == ("a=b", "NaN")


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_a_run_can_come_from_a_file(writer: Lineal, client: Client, tmp_path: Path, write: Any) -> None:
    file = tmp_path / "run"
    file.write_text(write({"display_name": "from a file", "runtime_config": {"parameters": {"rate": 0.1}}}))
    made = json.loads(writer.out("runs", "create", "--file", str(file), "-p", "more=true", "-o", "json"))
    assert made["display_name"] == "from a file"
    assert made["runtime_config"]["parameters"] == {"rate": 0.1, "more": True}
    assert client.get_run(made["run_id"]).display_name == "from a file"


def test_a_run_of_a_pipeline_has_its_latest_version_or_another(lineal: Lineal) -> None:
    versions = {}
    for words in ([], ["--pipeline-version", "the first"]):
        first = lineal.out("pipelines", "get", "train-churn").split("v1")[0].split()[-1]
        words = [first if word == "the first" else word for word in words]
        made = json.loads(lineal.out("runs", "create", "x", "--pipeline", "train-churn", *words, "-o", "json"))
        versions[len(words)] = lineal.out("runs", "get", made["run_id"]).split("version")[1].split()[0]
        lineal.out("runs", "delete", "--yes", made["run_id"])
    assert versions == {0: "v3", 2: "v1"}


@pytest.mark.parametrize(("words", "status"), [(["--pipeline", "nothing"], 3), (["--pipeline-version", "x"], 2)])
def test_a_run_of_an_unknown_pipeline_is_refused(writer: Lineal, words: list[str], status: int) -> None:
    assert writer("runs", "create", "x", *words).status == status


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "a run needs a NAME"),
        (["x", "-p", "rate"], "--parameter 'rate' is not NAME=VALUE"),
        (["x", "--file", "/nothing"], "File '/nothing' does not exist"),
    ],
)
def test_a_run_that_cannot_be_made_is_refused(writer: Lineal, words: list[str], sentence: str) -> None:
    ended = writer("runs", "create", *words)
    assert ended.status == 2
    assert sentence in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("text", ["[1]", "a: [", "unknown_field: 1", "display_name: {}", "2026-01-01: x"])
def test_a_file_that_is_no_run_is_refused(writer: Lineal, tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    ended = writer("runs", "create", "--file", str(file))
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert str(file) in ended.err


def test_runs_are_put_away_and_taken_back(writer: Lineal, client: Client) -> None:
    ids = [a_run(client), a_run(client)]
    assert writer.out("runs", "archive", *ids) == "".join(f"archived {id}\n" for id in ids)
    assert [client.get_run(id).storage_state for id in ids] == [2, 2]
    assert "▣" not in writer.out("runs", "list", "--limit", "1")
    assert ", archived" in writer.out("runs", "list", "--limit", "1")
    assert writer("runs", "unarchive", "-", typed="\n".join(ids)).out == "".join(f"unarchived {id}\n" for id in ids)
    assert client.get_run(ids[0]).storage_state == 1


def test_a_run_is_terminated_and_begins_again(writer: Lineal, client: Client) -> None:
    run_id = a_run(client, "to be stopped")
    task = {"name": "ROOT", "type": "ROOT", "state": "RUNNING"}
    task_id = client.create_task(run_id, task=task).task_id
    assert writer.out("runs", "terminate", "to be stopped") == f"terminated {run_id}\n"
    assert client.get_run(run_id).state == 6
    client.update_task(run_id, task_id, task={"state": "FAILED", "run_id": run_id, "task_id": task_id})
    assert writer.out("runs", "retry", run_id) == f"retried {run_id}\n"
    again = writer("runs", "retry", run_id)
    assert (again.status, again.err.count("\n")) == (1, 1)


def test_deleting_asks(writer: Lineal, client: Client) -> None:
    run_id = a_run(client, "to be\x1b[2J deleted")
    declined = writer("runs", "delete", run_id, typed="n\n")
    assert (declined.status, declined.out) == (5, "")
    assert declined.err == "Delete 1 run with 0 tasks: to be�[2J deleted? [y/N] lineal: nothing was deleted\n"
    assert client.get_run(run_id).run_id == run_id
    accepted = writer("runs", "delete", run_id, typed="yes\n")
    assert (accepted.status, accepted.out) == (0, f"deleted {run_id}\n")
    with pytest.raises(errors.NotFound):
        client.get_run(run_id)


def test_without_an_answer_nothing_is_deleted(writer: Lineal, client: Client) -> None:
    run_id = a_run(client)
    ended = writer.ended("runs", "delete", run_id)
    assert (ended.status, ended.out) == (5, "")
    assert "nobody answered; --yes deletes without a question" in ended.err
    assert writer.out("runs", "delete", "--yes", run_id) == f"deleted {run_id}\n"


def test_one_unknown_name_and_nothing_is_done(writer: Lineal, client: Client) -> None:
    run_id = a_run(client)
    ended = writer("runs", "delete", "--yes", run_id, "no such run")
    assert (ended.status, ended.out) == (3, "")
    assert client.get_run(run_id).run_id == run_id


def test_one_failure_does_not_keep_others_from_being_done(writer: Lineal, client: Client) -> None:
    run_id, unknown = a_run(client), "00000000-0000-7000-8000-000000000000"
    ended = writer("runs", "archive", unknown, run_id)
    assert (ended.status, ended.out) == (3, f"archived {run_id}\n")
    assert ended.err.startswith(f"lineal: {unknown}: ")
    assert ended.err.count("\n") == 1


def test_no_ids_are_wrong_usage(writer: Lineal) -> None:
    ended = writer("runs", "archive", "-", typed="\n")
    assert (ended.status, ended.err.startswith("lineal: no RUN is given")) == (2, True)
