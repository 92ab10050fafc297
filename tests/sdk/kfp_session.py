"""What a user of Kubeflow Pipelines' SDK does, step by step, against a server; run in the SDK's own environment.

`python kfp_session.py http://HOST:PORT FOLDER` exits 0 when every answer was as it should be. It imports nothing of this
project but `lineal`, which must live beside the SDK.
"""

import json
import sys

import kfp
import kfp_server_api
import lineal.v2beta1.run_pb2  # must import beside the SDK
from kfp import compiler, dsl

ODD_NAMES = ("a+b", "50% off", "x%20y", "plain", "ünï ☃", "a&b=c#d")


@dsl.component(base_image="python:3.11")
def say_hello(name: str, times: int = 1) -> str:
    return name * times


@dsl.pipeline(name="hello-pipeline", description="says hello")
def hello_pipeline(name: str, times: int = 2):
    say_hello(name=name, times=times)


@dsl.pipeline(name="hello-pipeline")
def hello_again(name: str = "world"):
    first = say_hello(name=name)
    say_hello(name=first.output)


def main() -> None:
    """Go through all steps."""
    host, folder = sys.argv[1:]
    client = kfp.Client(host=host)
    assert client.get_kfp_healthz().multi_user is False
    experiments = create_experiments(client)
    list_experiments(client)
    pipeline_id, versions = upload(client, folder)
    list_pipelines(client, pipeline_id)
    run_ids = start_runs(client, experiments["plain"], pipeline_id, versions, folder)
    list_runs(client, experiments["plain"], run_ids)
    end_runs(client, run_ids)
    archive_experiment(client, experiments["plain"], run_ids[1])
    delete_everything(client, experiments, pipeline_id, versions, run_ids)
    no_recurring_runs(client, experiments)
    print("the SDK found everything as it should be", lineal.__version__)


def create_experiments(client: kfp.Client) -> dict[str, str]:
    """Odd names are made once and found again: the SDK looks for the name before it creates."""
    ids = {}
    for name in ODD_NAMES:
        made = client.create_experiment(name, description=f"about {name}")
        again = client.create_experiment(name)
        found = client.get_experiment(experiment_name=name)
        assert made.experiment_id == again.experiment_id == found.experiment_id, name
        assert found.display_name == name
        assert found.description == f"about {name}"
        assert client.get_experiment(experiment_id=made.experiment_id).storage_state == "AVAILABLE"
        ids[name] = made.experiment_id
    return ids


def list_experiments(client: kfp.Client) -> None:
    """Pages in an order, and a filter."""
    names, token = [], ""
    while True:
        page = client.list_experiments(page_token=token, page_size=2, sort_by="name desc")
        names += [each.display_name for each in page.experiments]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted([*ODD_NAMES, "Default"], key=lambda name: name.encode(), reverse=True), names
    wanted = {"predicates": [{"operation": "IS_SUBSTRING", "key": "name", "stringValue": "%"}]}
    found = client.list_experiments(filter=json.dumps(wanted), sort_by="name")
    assert [each.display_name for each in found.experiments] == ["50% off", "x%20y"]
    assert found.total_size == 2


def upload(client: kfp.Client, folder: str) -> tuple[str, list[str]]:
    """A pipeline, a second version of it, and what happens to a taken name."""
    compiler.Compiler().compile(hello_pipeline, f"{folder}/hello.yaml")
    compiler.Compiler().compile(hello_again, f"{folder}/again.yaml")
    pipeline = client.upload_pipeline(f"{folder}/hello.yaml", pipeline_name="hello", description="first")
    assert client.get_pipeline_id("hello") == pipeline.pipeline_id
    assert client.get_pipeline(pipeline.pipeline_id).description == "first"
    assert_status(409, lambda: client.upload_pipeline(f"{folder}/hello.yaml", pipeline_name="hello"))
    second = client.upload_pipeline_version(
        f"{folder}/again.yaml",
        pipeline_version_name="second",
        pipeline_id=pipeline.pipeline_id,
        description="two tasks",
    )
    page = client.list_pipeline_versions(pipeline.pipeline_id, sort_by="created_at")
    assert [each.name for each in page.pipeline_versions] == ["hello", "second"]
    read = client.get_pipeline_version(pipeline.pipeline_id, second.pipeline_version_id)
    assert set(read.pipeline_spec["root"]["dag"]["tasks"]) == {"say-hello", "say-hello-2"}
    return pipeline.pipeline_id, [each.pipeline_version_id for each in page.pipeline_versions]


def list_pipelines(client: kfp.Client, pipeline_id: str) -> None:
    """By name."""
    wanted = {"predicates": [{"operation": "EQUALS", "key": "name", "stringValue": "hello"}]}
    page = client.list_pipelines(filter=json.dumps(wanted))
    assert [each.pipeline_id for each in page.pipelines] == [pipeline_id]
    assert client.get_pipeline_id("no such") is None


def start_runs(client: kfp.Client, experiment_id: str, pipeline_id: str, versions: list[str], folder: str) -> list[str]:
    """From a version, from a file, from a function; and what does not fit."""
    by_version = client.run_pipeline(
        experiment_id, "by version", pipeline_id=pipeline_id, version_id=versions[1], params={"name": "x"}
    )
    assert client.get_run(by_version.run_id).pipeline_version_reference.pipeline_version_id == versions[1]
    by_file = client.run_pipeline(
        experiment_id, "by file", pipeline_package_path=f"{folder}/hello.yaml", params={"name": "y", "times": 3}
    )
    read = client.get_run(by_file.run_id)
    assert read.pipeline_spec["pipelineInfo"]["name"] == "hello-pipeline"
    assert read.runtime_config.parameters == {"name": "y", "times": 3}
    assert read.state == "PENDING"
    by_function = client.create_run_from_pipeline_func(
        hello_again, arguments={}, run_name="by function", experiment_name="plain"
    )
    assert_status(
        400, lambda: client.run_pipeline(experiment_id, "no name", pipeline_package_path=f"{folder}/hello.yaml")
    )
    return [by_version.run_id, by_file.run_id, by_function.run_id]


def list_runs(client: kfp.Client, experiment_id: str, run_ids: list[str]) -> None:
    """Pages, an order and a filter."""
    first = client.list_runs(experiment_id=experiment_id, page_size=2, sort_by="created_at")
    second = client.list_runs(
        experiment_id=experiment_id, page_size=2, sort_by="created_at", page_token=first.next_page_token
    )
    assert [each.run_id for each in [*first.runs, *second.runs]] == run_ids
    assert not second.next_page_token
    wanted = {"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": "by file"}]}
    found = client.list_runs(filter=json.dumps(wanted))
    assert [each.run_id for each in found.runs] == [run_ids[1]]


def end_runs(client: kfp.Client, run_ids: list[str]) -> None:
    """Terminate one, archive and unarchive another."""
    client.terminate_run(run_ids[0])
    assert client.get_run(run_ids[0]).state == "CANCELING"
    assert_status(400, lambda: client.terminate_run(run_ids[0]))
    client.archive_run(run_ids[1])
    assert client.get_run(run_ids[1]).storage_state == "ARCHIVED"
    client.unarchive_run(run_ids[1])
    assert client.get_run(run_ids[1]).storage_state == "AVAILABLE"


def archive_experiment(client: kfp.Client, experiment_id: str, run_id: str) -> None:
    """The runs of an archived experiment are archived with it and cannot come back alone."""
    client.archive_experiment(experiment_id)
    assert client.get_experiment(experiment_id=experiment_id).storage_state == "ARCHIVED"
    assert client.get_run(run_id).storage_state == "ARCHIVED"
    assert_status(400, lambda: client.unarchive_run(run_id))
    client.unarchive_experiment(experiment_id)
    assert client.get_experiment(experiment_id=experiment_id).storage_state == "AVAILABLE"
    client.unarchive_run(run_id)


def delete_everything(
    client: kfp.Client, experiments: dict[str, str], pipeline_id: str, versions: list[str], run_ids: list[str]
) -> None:
    """What is deleted is gone, and only that."""
    client.delete_run(run_ids[2])
    assert_status(404, lambda: client.get_run(run_ids[2]))
    assert_status(400, lambda: client.delete_pipeline(pipeline_id))
    for version_id in versions:
        client.delete_pipeline_version(pipeline_id, version_id)
        assert_status(404, lambda version_id=version_id: client.get_pipeline_version(pipeline_id, version_id))
    client.delete_pipeline(pipeline_id)
    assert_status(404, lambda: client.get_pipeline(pipeline_id))
    client.delete_experiment(experiments["a+b"])
    assert_status(404, lambda: client.get_experiment(experiment_id=experiments["a+b"]))
    assert client.get_run(run_ids[0]).display_name == "by version"


def no_recurring_runs(client: kfp.Client, experiments: dict[str, str]) -> None:
    """Nothing here schedules, and says so."""
    assert client.list_recurring_runs().recurring_runs is None
    assert_status(404, lambda: client.get_recurring_run("no-such"))


def assert_status(status: int, call) -> None:
    """The call must fail with this HTTP status."""
    try:
        call()
    except kfp_server_api.ApiException as error:
        assert error.status == status, f"{error.status} instead of {status}: {error.body}"
        return
    raise AssertionError(f"succeeded instead of {status}")


main()
