"""Messages as data frames: which columns they have, of which types, and what is in them."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import lineal
import pandas
import pytest
from google.protobuf.json_format import ParseDict
from lineal.frames import to_frame
from lineal.v1.overview_pb2 import RunSummary
from lineal.v2beta1.artifact_pb2 import Artifact
from lineal.v2beta1.experiment_pb2 import Experiment
from lineal.v2beta1.run_pb2 import Run
from lineal.v2beta1.task_pb2 import PipelineTask

from tests.client.messages import a_task
from tests.faults.cluster import clean_environment

LISTINGS = ("list_runs", "list_run_summaries", "list_artifacts", "list_experiments", "list_pipelines")


def types(frame: pandas.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def test_runs_have_types_that_are_computed_with(demo):
    frame = demo.list_runs().to_frame()
    kinds = types(frame)
    assert kinds["created_at"] == kinds["finished_at"] == "datetime64[us, UTC]"
    assert kinds["duration"] == "timedelta64[us]"
    assert kinds["state"] == kinds["storage_state"] == "category"
    assert kinds["run_id"] == kinds["display_name"] == kinds["param.region"] == "str"
    assert kinds["param.trees"] == kinds["task_count"] == "Int64"
    assert kinds["param.learning_rate"] == "float64"
    means = frame.groupby("state", observed=True)["duration"].mean()
    assert timedelta(minutes=1) < means["SUCCEEDED"] < timedelta(hours=1)
    assert frame["created_at"].is_monotonic_increasing


def test_a_frame_has_what_the_messages_have(demo, runs):
    frame = demo.list_runs().to_frame().set_index("run_id")
    run = runs["churn 4"]
    row = frame.loc[run.run_id]
    assert row["display_name"] == "churn 4"
    assert row["state"] == "FAILED"
    assert row["created_at"] == pandas.Timestamp(run.created_at.ToDatetime(UTC))
    assert row["param.learning_rate"] == run.runtime_config.parameters["learning_rate"].number_value
    assert list(row["state_history"]) == list(run.state_history)


def test_what_is_not_there_is_absent(demo, runs):
    frame = demo.list_runs().to_frame().set_index("run_id")
    running = frame.loc[runs["churn 13"].run_id]
    assert pandas.isna(running["finished_at"])
    assert pandas.isna(running["duration"])
    assert pandas.isna(running["param.region"])
    assert pandas.isna(running["pipeline_version_id"]) == (not runs["churn 13"].pipeline_version_reference.pipeline_id)


def test_summaries_have_metrics_and_columns(demo):
    frame = demo.list_run_summaries(columns=["param:trees", "metric:auc"]).to_frame()
    assert {"metric.auc", "param.trees"} <= set(frame.columns)
    best = frame.loc[frame["metric.auc"].idxmax()]
    assert best["metric.auc"] > 0.8
    failed = frame[frame["state"] == "FAILED"]
    assert failed["failed_task"].notna().all()


def test_tasks_have_their_parameters_metrics_and_iterations(demo, runs):
    run = demo.get_run(runs["churn 4"].run_id, view="FULL")
    frame = lineal.to_frame(run.tasks)
    trained = frame[frame["name"] == "train"]
    assert list(trained["iteration"]) == [0, 1, 2]
    assert list(trained["param.depth"]) == [4, 6, 8]
    assert trained["metric.auc_validation"].notna().tolist() == [True, True, False]
    assert trained["message"].iloc[2].startswith("XGBoostError")
    assert types(frame)["iteration"] == "Int64"
    assert frame["duration"].max() > timedelta(minutes=10)


def test_a_full_run_has_the_metrics_of_its_tasks(demo, runs):
    frame = to_frame([demo.get_run(runs["churn 12"].run_id, view="FULL")])
    assert frame["metric.auc"].tolist() == [0.714]


def test_artifacts_have_their_metadata(demo):
    frame = demo.list_artifacts(filter=lineal.F.type == "Metric").to_frame()
    assert frame["number_value"].notna().all()
    everything = demo.list_artifacts().to_frame()
    assert types(everything)["metadata.rows"] == "Int64"
    assert everything["metadata.framework"].dropna().map(type).eq(str).all()


@pytest.mark.parametrize("listing", LISTINGS)
def test_an_empty_listing_keeps_its_columns_and_their_types(demo, listing):
    full = getattr(demo, listing)().to_frame()
    empty = getattr(demo, listing)(
        filter='{"predicates":[{"key":"name","operation":"EQUALS","string_value":"nobody"}]}'
    ).to_frame()
    fixed = {name: kind for name, kind in types(full).items() if "." not in name}
    assert len(empty) == 0
    assert types(empty) == fixed
    assert len(full) > 0


def test_a_frame_may_have_the_first_rows_only(demo):
    assert len(demo.list_runs().to_frame(limit=3)) == 3
    assert len(demo.list_runs().to_frame(limit=0).columns) > 10


def test_an_empty_field_says_which_columns_it_would_have():
    run = Run()
    assert types(to_frame(run.tasks)) == types(to_frame([PipelineTask()]))
    assert run == Run()
    assert to_frame([]).empty


@pytest.mark.parametrize("kind", [Run, RunSummary, PipelineTask, Artifact, Experiment])
def test_frames_of_the_same_kind_are_of_the_same_types(kind):
    assert types(to_frame([kind()])) == types(to_frame([], kind))


def test_states_that_are_not_known_are_behind_those_that_are():
    frame = to_frame([RunSummary(state=state) for state in ("ZOOMING", "FAILED", "PENDING", "")])
    assert frame.sort_values("state")["state"].tolist()[:3] == ["PENDING", "FAILED", "ZOOMING"]
    assert frame["state"].isna().sum() == 1


def test_parameters_of_several_types_are_objects_and_others_are_not():
    same = {"flag": True, "empty": "", "list": [1, "a"]}
    values = ({"mixed": 1, "number": 1, **same}, {"mixed": "one", "number": 2.5, **same})
    frame = to_frame([ParseDict({"runtime_config": {"parameters": each}}, Run()) for each in values])
    assert [types(frame)[f"param.{name}"] for name in ("mixed", "number", "flag", "empty", "list")] == [
        "object",
        "float64",
        "boolean",
        "str",
        "object",
    ]
    assert frame["param.mixed"].tolist() == [1, "one"]
    assert frame["param.list"].iloc[0] == [1, "a"]
    assert frame["param.empty"].tolist() == ["", ""]


def test_a_task_is_timed_to_the_microsecond():
    task = a_task("t", state="SUCCEEDED", start=0, end=0.000001)
    frame = to_frame([task])
    assert frame["duration"].tolist() == [pandas.Timedelta(microseconds=1)]
    assert frame["create_time"].tolist() == [pandas.Timestamp(datetime(2026, 1, 1, tzinfo=UTC))]


def test_messages_of_several_kinds_are_refused():
    with pytest.raises(TypeError, match="one kind: Run and PipelineTask"):
        to_frame([Run(), PipelineTask()])
    with pytest.raises(TypeError, match="made of messages, not of str"):
        to_frame(["x"])


async def test_a_listing_for_asyncio_has_a_frame(demo_server):
    async with lineal.aio.Client(demo_server.grpc) as client:
        frame = await client.list_runs().to_frame(limit=5)
    assert len(frame) == 5


def test_without_pandas_the_error_says_how_to_install_it():
    program = """
import sys
sys.modules["pandas"] = None
import lineal
from lineal.v2beta1.run_pb2 import Run
try:
    lineal.to_frame([Run()])
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True)
    assert done.stdout.strip() == "data frames need pandas: pip install 'lineal[pandas]'", done.stderr
