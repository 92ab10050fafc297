"""A run: its beginning on the server, its ends, and what is recorded when there is no server."""

import logging
import time
from pathlib import Path

import lineal
import pytest
from lineal import errors

from tests.api.builders import unique
from tests.client.recorder.recorded import Recorder, artifacts, parameter_types, parameters
from tests.databases.private import free_port

pytestmark = pytest.mark.one_database


def test_parameters_are_those_of_the_run_and_inputs_of_root(recorder: Recorder) -> None:
    with recorder.run("train", parameters={"depth": 4, "mode": {"fast": True}}, description="nightly") as run:
        pass
    recorded = recorder.read(run)
    assert (recorded.run.display_name, recorded.run.description, recorded.state) == ("train", "nightly", "SUCCEEDED")
    assert recorded.run.runtime_config.parameters["depth"].number_value == 4
    assert parameters(recorded.root.inputs) == {"depth": 4, "mode": {"fast": True}}
    assert set(parameter_types(recorded.root.inputs).values()) == {"RUNTIME_VALUE_INPUT"}
    assert recorded.root.display_name == "train"


def test_the_run_is_on_the_server_when_its_block_begins(recorder: Recorder) -> None:
    with recorder.run() as run:
        assert recorder.client.get_run(run.id).run_id == run.id


def test_an_experiment_is_created_by_its_name_once(recorder: Recorder) -> None:
    name = unique()
    with recorder.run(experiment=name) as first, recorder.run(experiment=name) as second:
        pass
    ids = {recorder.read(run).run.experiment_id for run in (first, second)}
    assert len(ids) == 1
    assert recorder.client.get_experiment(ids.pop()).display_name == name


def test_an_experiment_is_found_by_its_id(recorder: Recorder) -> None:
    experiment = recorder.client.create_experiment(experiment={"display_name": unique()})
    with recorder.run(experiment=experiment.experiment_id) as run:
        pass
    assert recorder.read(run).run.experiment_id == experiment.experiment_id


def test_what_the_server_refuses_is_raised_when_the_run_begins(recorder: Recorder) -> None:
    run = recorder.run(experiment="01980000-0000-7000-8000-000000000000")
    with pytest.raises(errors.LinealError, match="experiment"):
        run.start()


@pytest.mark.slow
def test_without_a_server_a_run_is_recorded_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = f"127.0.0.1:{free_port()}"
    with (
        caplog.at_level(logging.WARNING, "lineal"),
        lineal.run("train", server=server, spool_dir=str(tmp_path), spool_seconds=0.1) as run,
    ):
        run.log_metric("accuracy", 0.5)
    assert f"no server could be reached at {server}: run 'train' is recorded in {tmp_path}" in caplog.text
    assert f"the server at {server} does not have all of run 'train' yet" in caplog.text


@pytest.mark.slow
def test_without_a_server_an_experiment_cannot_be_looked_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = f"127.0.0.1:{free_port()}"
    with lineal.run("train", server=server, experiment="churn", spool_dir=str(tmp_path), spool_seconds=0):
        pass
    assert "experiment 'churn' could not be looked up" in caplog.text


@pytest.mark.slow
def test_a_program_waits_once_for_a_server_that_is_away(recorder: Recorder) -> None:
    begin = time.monotonic()
    script = "with lineal.run('train', spool_seconds=4) as run: run.log_metric('loss', 1)"
    done = recorder.script(script, LINEAL_SERVER=f"127.0.0.1:{free_port()}", LINEAL_TIMEOUT_SECONDS="1")
    # Ten seconds at the beginning, four at the end of the run, and a moment at that of the program.
    assert (done.returncode, time.monotonic() - begin < 20) == (0, True)
    assert "does not have all of run 'train' yet" in done.stderr


def test_an_exception_fails_the_run_with_its_words_and_where_it_was_raised(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="too deep"), recorder.run() as run:
        raise ValueError("too deep")
    recorded = recorder.read(run)
    assert (recorded.state, recorded.states()) == ("FAILED", {"ROOT": "FAILED"})
    assert recorded.message("ROOT") == "ValueError: too deep"
    assert 'raise ValueError("too deep")' in recorded.root.status_metadata.message


@pytest.mark.parametrize(("code", "state"), [(None, "SUCCEEDED"), (0, "SUCCEEDED"), (3, "FAILED"), ("bad", "FAILED")])
def test_an_exit_fails_the_run_unless_its_code_says_success(recorder: Recorder, code: int | str, state: str) -> None:
    with pytest.raises(SystemExit), recorder.run() as run:
        raise SystemExit(code)
    assert recorder.read(run).state == state


def test_an_interrupt_fails_the_run(recorder: Recorder) -> None:
    with pytest.raises(KeyboardInterrupt), recorder.run() as run:
        raise KeyboardInterrupt
    assert recorder.read(run).message("ROOT") == "KeyboardInterrupt"


def test_a_run_without_a_block_begins_and_ends_by_calls(recorder: Recorder) -> None:
    run = recorder.run().start()
    task = run.task("fit").start()
    task.end()
    run.end(RuntimeError("no more data"))
    run.end()
    assert recorder.read(run).states() == {"ROOT": "FAILED", "fit": "SUCCEEDED"}


def test_a_run_begins_once(recorder: Recorder) -> None:
    with recorder.run() as run, pytest.raises(RuntimeError, match="has already begun"):
        run.start()


def test_what_has_not_begun_has_no_id_and_records_nothing(recorder: Recorder) -> None:
    run = recorder.run()
    with pytest.raises(RuntimeError, match="run 'churn' has not begun"):
        _ = run.id
    with run:
        task = run.task("fit")
        with pytest.raises(RuntimeError, match="task 'fit' has not begun"):
            _ = task.id
        with pytest.raises(RuntimeError, match="task 'fit' has not begun"):
            task.output("rows", 1)
    assert [task.name for task in recorder.read(run).tasks] == ["ROOT"]


def test_what_is_logged_on_the_run_belongs_to_root(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit"):
        run.output("rows", 3)
        run.log_metric("accuracy", 0.5)
        run.log_artifact("report", "s3://b/report.html", type="HTML")
    recorded = recorder.read(run)
    assert parameters(recorded.root.outputs) == {"rows": 3}
    assert set(artifacts(recorded.root.outputs)) == {"accuracy", "report"}


def test_runs_of_one_process_are_independent_of_each_other(recorder: Recorder) -> None:
    with recorder.run() as outer, recorder.run() as inner, inner.task("fit"), outer.task("check"):
        assert (outer.joined, inner.joined) == (False, False)
    assert recorder.read(outer).children("ROOT") == ["check"]
    assert recorder.read(inner).children("ROOT") == ["fit"]


def test_a_task_that_is_open_when_its_run_ends_is_failed(recorder: Recorder) -> None:
    with recorder.run() as run:
        run.task("fit").start()
    recorded = recorder.read(run)
    assert recorded.states() == {"ROOT": "FAILED", "fit": "FAILED"}
    assert recorded.message("fit") == "the run ended before this task did"


def test_counters_say_how_many_calls_were_saved(recorder: Recorder) -> None:
    with recorder.run(flush_seconds=0.5) as run:
        for number in range(5):
            with run.task(f"task {number}") as task:
                task.output("rows", number)
    assert (run.counters.waiting, run.counters.rejected, run.rejections) == (0, 0, [])
    # The run, ROOT with its end, and five tasks with an output and an end each.
    assert run.counters.changes == run.counters.calls + run.counters.calls_saved >= 18
    assert run.counters.calls <= 9


def test_what_the_server_refuses_later_is_told_with_its_words(recorder: Recorder) -> None:
    with recorder.run(flush_seconds=0.25) as run:
        recorder.client.delete_run(run.id)
        run.task("too late").start()
    assert run.counters.rejected >= len(run.rejections) > 0
    assert {rejection.code for rejection in run.rejections} == {"NOT_FOUND"}
