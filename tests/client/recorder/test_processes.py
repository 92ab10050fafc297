"""More than one process, and how processes end: subprocesses that join, forks, SIGTERM, runs that nobody ended."""

import os
import pickle
import signal
import subprocess

import pytest

from tests.client.recorder.recorded import Recorder, artifacts, metadata, parameters, type_of

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


WORKER = """
with lineal.run("worker", parameters={"shard": 3}) as run, run.task("count") as task:
    task.output("rows", 123)
    print(run.id, run.joined)
"""


def test_a_subprocess_joins_the_run_below_the_task_that_started_it(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("train") as task:
        done = recorder.script(WORKER, **task.environment())
    assert done.stdout.split() == [run.id, "True"], done.stderr
    recorded = recorder.read(run)
    assert (recorded.children("train"), recorded.children("worker")) == (["worker"], ["count"])
    assert (type_of(recorded.task("train")), type_of(recorded.task("worker"))) == ("DAG", "DAG")
    assert parameters(recorded.task("worker").inputs) == {"shard": 3}
    assert set(recorded.states().values()) == {"SUCCEEDED"}


def test_subprocesses_find_the_run_in_their_environment(recorder: Recorder) -> None:
    before = dict(os.environ)
    with recorder.run() as run, run.task("train") as task:
        inside = {name: os.environ[name] for name in ("LINEAL_RUN_ID", "LINEAL_TASK_ID", "LINEAL_SERVER")}
        assert inside == task.environment()
        with run.task("check") as check:
            assert os.environ["LINEAL_TASK_ID"] == check.id
        assert os.environ["LINEAL_TASK_ID"] == task.id
    assert dict(os.environ) == before


def test_variables_are_those_of_the_task_that_was_begun_last_and_is_open(recorder: Recorder) -> None:
    with recorder.run() as run:
        first, second = run.task("first").start(), run.task("second").start()
        first.end()
        assert os.environ["LINEAL_TASK_ID"] == second.id
        second.end()
        assert os.environ["LINEAL_TASK_ID"] == run.root.id


def test_a_process_in_a_process_joins_the_same_run(recorder: Recorder) -> None:
    outer = """
    import subprocess, sys
    with lineal.run("outer"):
        subprocess.run([sys.executable, "-c", "import lineal\\nwith lineal.run('inner'): pass"], check=True)
    """
    with recorder.run() as run, run.loop("shards", [1, 2]) as loop:
        for _ in loop:
            with loop.task("start") as task:
                assert recorder.script(outer, **task.environment()).returncode == 0
    recorded = recorder.read(run)
    for name in ("start", "outer", "inner"):
        assert [task.type_attributes.iteration_index for task in recorded.all(name)] == [0, 1]
    assert [task.parent_task_id for task in recorded.all("inner")] == [task.task_id for task in recorded.all("outer")]


def test_a_process_can_begin_a_run_of_its_own(recorder: Recorder) -> None:
    script = "with lineal.run('own', join=False) as run: print(run.id, run.joined)"
    with recorder.run() as run:
        own_id, joined = recorder.script(script, **run.root.environment()).stdout.split()
    assert (own_id != run.id, joined) == (True, "False")
    assert recorder.read(own_id).run.display_name == "own"


def test_a_subprocess_that_fails_fails_the_tasks_around_it(recorder: Recorder) -> None:
    with recorder.run() as run, run.group("shards"), run.task("train") as task:
        done = recorder.script("with lineal.run('worker'): raise OSError('disk')", **task.environment())
    assert (done.returncode, "OSError: disk" in done.stderr) == (1, True)
    recorded = recorder.read(run)
    assert set(recorded.states().values()) == {"FAILED"}
    assert recorded.message("train") == "task 'worker' failed: OSError: disk"
    assert recorded.message("ROOT") == f"task 'shards' failed: {recorded.message('shards')}"
    assert recorded.state == "FAILED"


def test_a_run_that_the_environment_names_and_the_server_does_not_know_is_an_error(recorder: Recorder) -> None:
    id = "01980000-0000-7000-8000-000000000000"
    done = recorder.script("lineal.run('worker').start()", LINEAL_RUN_ID=id, LINEAL_TASK_ID=id)
    assert "give join=False to begin a run of its own" in done.stderr


def test_a_long_name_of_a_run_is_cut_where_it_becomes_a_group(recorder: Recorder) -> None:
    with recorder.run() as run:
        recorder.script("with lineal.run('x' * 200): pass", **run.root.environment())
    [group] = recorder.read(run).all("x" * 128)
    assert group.display_name == "x" * 200


def test_what_belongs_to_a_process_cannot_be_sent_to_another(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        for each in (run, task, task.log_artifact("model")):
            with pytest.raises(
                TypeError, match="belongs to its process; give another one the id or uri of an artifact"
            ):
                pickle.dumps(each)


FORK = """
import os, sys
with lineal.run("forks") as run, run.task("train") as task:
    task.log_metric("loss", 1)
    table = task.log_artifact("table", "s3://b/t")
    if os.fork() == 0:
        with task.task("child", uses=[table]) as child:
            child.output("rows", 3)
            task.log_metric("loss", 2)
            assert lineal.current_task() is child
        sys.exit(0)
    os.wait()
    print(run.id)
"""


@pytest.mark.parametrize("support", ["0", "1"], ids=["without gRPC's support", "with it"])
def test_a_forked_process_records_in_the_run_of_its_parent(recorder: Recorder, support: str) -> None:
    done = recorder.script(FORK, GRPC_ENABLE_FORK_SUPPORT=support)
    recorded = recorder.read(done.stdout.strip())
    assert recorded.states() == {"ROOT": "SUCCEEDED", "train": "SUCCEEDED", "child": "SUCCEEDED"}, done.stderr
    assert (recorded.children("train"), parameters(recorded.task("child").outputs)) == (["child"], {"rows": 3})
    assert [each.uri for each in artifacts(recorded.task("child").inputs)["table"]] == ["s3://b/t"]
    losses = artifacts(recorded.task("train").outputs)["loss"]
    assert sorted(point["value"] for loss in losses for point in metadata(loss)["series"]) == [1, 2]


@pytest.mark.parametrize("support", ["0", "1"], ids=["without gRPC's support", "with it"])
def test_a_forked_process_that_fails_fails_the_tasks_around_it(recorder: Recorder, support: str) -> None:
    script = """
    import os
    with lineal.run("forks") as run, run.task("train") as task:
        if os.fork() == 0:
            with task.task("child"):
                raise OSError("disk")
        os.wait()
    print(run.id)
    """
    done = recorder.script(script, GRPC_ENABLE_FORK_SUPPORT=support)
    recorded = recorder.read(done.stdout.strip())
    assert recorded.states() == {"ROOT": "FAILED", "train": "FAILED", "child": "FAILED"}, done.stderr
    assert recorded.message("train") == "task 'child' failed: OSError: disk"


def test_a_forked_process_that_leaves_the_blocks_of_its_parent_does_not_end_them(recorder: Recorder) -> None:
    script = """
    import os
    with lineal.run("forks") as run, run.task("train") as task:
        if os.fork() == 0:
            raise OSError("in the child")
        os.wait()
        task.output("rows", 3)
    print(run.id)
    """
    recorded = recorder.read(recorder.script(script).stdout.strip())
    assert recorded.states() == {"ROOT": "SUCCEEDED", "train": "SUCCEEDED"}
    assert parameters(recorded.task("train").outputs) == {"rows": 3}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_multiprocessing_join(
    recorder: Recorder, method: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(
        f"""
import multiprocessing, lineal

def work(number):
    with lineal.run(f"worker {{number}}") as run:
        run.log_metric("loss", number)
        lineal.run(f"left open {{number}}").start()

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with lineal.run("pool") as run:
        processes = [context.Process(target=work, args=(number,)) for number in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    print(run.id)
"""
    )
    done = recorder.script("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", str(program))
    recorded = recorder.read(done.stdout.strip())
    assert sorted(recorded.states()) == ["ROOT", "left open 0", "left open 1", "worker 0", "worker 1"], done.stderr
    assert [recorded.states()[f"worker {number}"] for number in range(2)] == ["SUCCEEDED"] * 2
    assert recorded.message("left open 1") == "the program ended before this task did"


WAIT = """
import signal, sys, time
HANDLER
run = lineal.run("terminated")
with run, run.group("all"), run.task("train") as task:
    task.output("rows", 3)
    print(run.id, flush=True)
    time.sleep(60)
print("went on", flush=True)
"""


def started(recorder: Recorder, handler: str = "") -> "tuple[subprocess.Popen[str], str]":
    process = recorder.start_script(WAIT.replace("HANDLER", handler))
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_sigterm_ends_the_blocks_and_then_the_program(recorder: Recorder) -> None:
    process, run_id = started(recorder)
    process.terminate()
    output, errors = process.communicate(timeout=30)
    recorded = recorder.read(run_id)
    assert (process.returncode, output, errors) == (143, "", "")
    assert set(recorded.states().values()) == {"FAILED"}
    assert recorded.message("train") == "terminated by SIGTERM"
    assert parameters(recorded.task("train").outputs) == {"rows": 3}


def test_a_handler_that_the_program_has_set_is_left_alone(recorder: Recorder) -> None:
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    process, run_id = started(recorder, handler)
    process.terminate()
    process.communicate(timeout=30)
    assert (process.returncode, recorder.read(run_id).message("train")) == (7, "SystemExit: 7")


def test_after_a_run_sigterm_has_its_default_action(recorder: Recorder) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with recorder.run():
        pass
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_fails_what_is_open(recorder: Recorder) -> None:
    process, run_id = started(recorder, "signal.signal(signal.SIGINT, signal.default_int_handler)")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    recorded = recorder.read(run_id)
    assert (recorded.message("train"), recorded.state) == ("KeyboardInterrupt", "FAILED")


def test_what_is_open_when_the_program_ends_is_failed(recorder: Recorder) -> None:
    done = recorder.script(
        """
        run = lineal.run("notebook").start()
        task = run.task("fit").start()
        print(run.id)
        """
    )
    recorded = recorder.read(done.stdout.strip())
    assert recorded.states() == {"ROOT": "FAILED", "fit": "FAILED"}
    assert recorded.message("fit") == "the program ended before this task did"
    assert (recorded.message("ROOT"), recorded.state) == ("the program ended before this task did", "FAILED")


def test_an_uncaught_exception_leaves_nothing_running(recorder: Recorder) -> None:
    done = recorder.script(
        """
        with lineal.run("train") as run, run.loop("tune", [1, 2]) as loop:
            print(run.id, flush=True)
            for depth in loop:
                with loop.task("fit"):
                    1 / (depth - 2)
        """
    )
    recorded = recorder.read(done.stdout.strip())
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (1, True)
    assert {task.type_attributes.iteration_index: task.state for task in recorded.all("fit")} == {0: 2, 1: 4}
    assert "RUNNING" not in recorded.states().values()


def test_importing_the_recorder_starts_no_thread(recorder: Recorder) -> None:
    script = "import threading; lineal.step; lineal.run('x'); print(threading.active_count())"
    assert recorder.script(script).stdout.strip() == "1"
