"""The tasks of a run, and a lineage, as lines of a tree."""

from datetime import UTC, datetime

from lineal.trees import lineage_lines, task_lines
from lineal.v1 import lineage_pb2
from lineal.v2beta1.task_pb2 import PipelineTask

from tests.client.messages import a_graph, a_task, texts

ROOT = a_task("root", kind="ROOT", state="SUCCEEDED", start=0, end=90)


def test_tasks_are_indented_below_their_parents():
    tasks = [
        ROOT,
        a_task("load", parent="root", kind="IMPORTER", state="CACHED", start=0, end=0),
        a_task("report", parent="root", kind="DAG", state="SUCCEEDED", start=10, end=75),
        a_task("plot", parent="report", state="SUCCEEDED", start=10, end=14.25),
        a_task("send", parent="root", state="SKIPPED", start=80, end=80),
    ]
    assert texts(task_lines(tasks)) == [
        "root  ROOT  SUCCEEDED  1 min 30 s",
        "├─ load  IMPORTER  CACHED",
        "├─ report  DAG  SUCCEEDED  1 min 5 s",
        "│  └─ plot  SUCCEEDED  4.2 s",
        "└─ send  SKIPPED",
    ]
    assert [line.depth for line in task_lines(tasks)] == [0, 1, 1, 2, 1]
    assert [line.node for line in task_lines(tasks)] == tasks


def test_a_running_task_is_timed_until_now():
    now = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    task = a_task("train", state="RUNNING", start=0)
    assert texts(task_lines([task], now=now)) == ["train  RUNNING  2 min"]
    assert texts(task_lines([task])) == ["train  RUNNING"]


def test_a_task_lasts_from_its_creation_however_late_the_server_was_told_that_it_runs():
    task = a_task("train", state="SUCCEEDED", start=0, end=90)
    task.state_history.add(state=PipelineTask.RUNNING).update_time.FromDatetime(datetime(2026, 1, 1, 0, 2, tzinfo=UTC))
    assert texts(task_lines([task])) == ["train  SUCCEEDED  1 min 30 s"]


def test_a_failed_task_says_why_on_one_line():
    task = a_task("train", state="FAILED", message="\n  out of memory\x1b[2J\nTraceback …")
    assert texts(task_lines([task])) == ["train  FAILED  out of memory�[2J"]
    in_history = a_task("train", state="FAILED")
    in_history.state_history.add(state=PipelineTask.FAILED).error.message = "evicted"
    assert texts(task_lines([in_history])) == ["train  FAILED  evicted"]


def a_loop(states: list[str], *, each: int = 1) -> list[PipelineTask]:
    loop = a_task("tune", kind="LOOP", state="FAILED")
    loop.type_attributes.iteration_count = len(states)
    return [
        loop,
        *(
            a_task(f"train-{index}-{number}", name="train", parent="tune", state=state, iteration=index)
            for index, state in enumerate(states)
            for number in range(each)
        ),
    ]


def test_a_loop_is_folded_but_for_what_failed():
    states = ["SUCCEEDED"] * 5 + ["FAILED"] * 5 + ["RUNNING"]
    assert texts(task_lines(a_loop(states))) == [
        "tune  LOOP  FAILED  11 iterations: 5 failed, 1 running, 5 succeeded",
        "├─ [5] train  FAILED",
        "├─ [6] train  FAILED",
        "├─ [7] train  FAILED",
        "└─ … 2 more that failed",
    ]


def test_all_iterations_are_listed_when_asked_for():
    assert texts(task_lines(a_loop(["SUCCEEDED", "FAILED"]), iterations=True)) == [
        "tune  LOOP  FAILED  2 iterations: 1 failed, 1 succeeded",
        "├─ [0] train  SUCCEEDED",
        "└─ [1] train  FAILED",
    ]


def test_an_iteration_of_several_tasks_is_a_line_of_its_own():
    lines = list(task_lines(a_loop(["SUCCEEDED", "FAILED"], each=2)))
    assert texts(lines)[1:] == ["└─ [1]  FAILED", "   ├─ train  FAILED", "   └─ train  FAILED"]
    assert lines[1].node is None


def test_iterations_are_in_the_order_of_their_numbers():
    loop, *iterations = a_loop(["SUCCEEDED", "FAILED"])
    assert texts(task_lines([loop, *reversed(iterations)], iterations=True)) == texts(
        task_lines([loop, *iterations], iterations=True)
    )


def test_tasks_whose_parent_is_not_given_are_at_the_top():
    assert texts(task_lines([a_task("b", parent="elsewhere", state="RUNNING", iteration=3), ROOT])) == [
        "[3] b  RUNNING",
        "root  ROOT  SUCCEEDED  1 min 30 s",
    ]


def test_groups_may_be_nested_deeper_than_python_calls():
    tasks = [a_task(f"t{each}", parent=f"t{each - 1}" if each else "", state="RUNNING") for each in range(3_000)]
    lines = list(task_lines(tasks))
    assert lines[-1].depth == 2_999
    assert lines[-1].text.endswith("└─ t2999  RUNNING")


def test_a_task_without_names_is_called_by_its_type_or_id():
    assert texts(
        task_lines([PipelineTask(task_id="0123456789", type=PipelineTask.DAG), PipelineTask(task_id="abc")])
    ) == [
        "DAG",
        "abc",
    ]


def test_a_lineage_says_what_made_the_start_and_what_came_of_it():
    assert texts(lineage_lines(a_graph())) == [
        "model  Model  s3://b/model  artifact/m",
        "├─ made by train [0]  RUNTIME  SUCCEEDED  task/t",
        "│  ├─ took data as table  Dataset  s3://b/data  artifact/d",
        "│  │  └─ … there is more: ask for more hops",
        "│  └─ took labels  Dataset  artifact/l",
        "└─ taken by check as model to check  RUNTIME  FAILED  task/c",
        "   └─ made accuracy  Metric  0.75  artifact/a",
    ]


def test_parts_of_a_line_are_what_it_consists_of():
    line = list(lineage_lines(a_graph()))[1]
    assert [(piece.kind, piece.text) for piece in line.pieces()] == [
        ("branch", "├─ "),
        ("note", "made by"),
        ("space", " "),
        ("name", "train"),
        ("space", " "),
        ("note", "[0]"),
        ("space", "  "),
        ("type", "RUNTIME"),
        ("space", "  "),
        ("state", "SUCCEEDED"),
        ("space", "  "),
        ("ref", "task/t"),
    ]


def test_a_node_is_followed_once():
    graph = a_graph()
    graph.edges.add(source="task/u", target="artifact/d", kind="OUTPUT")
    graph.edges.add(source="task/u", target="artifact/l", kind="OUTPUT")
    graph.nodes.add(ref="task/u", name="prepare", type="RUNTIME", depth=-3)
    graph.edges.add(source="artifact/r", target="task/u", kind="INPUT")
    graph.nodes.add(ref="artifact/r", name="raw", type="Dataset", depth=-4)
    lines = texts(lineage_lines(graph))
    [first, again] = [line for line in lines if "prepare" in line]
    assert "(see above)" not in first
    assert again.endswith("made by prepare  RUNTIME  task/u (see above)")
    assert sum("took raw" in line for line in lines) == 1


def test_a_walk_that_goes_round_ends():
    graph = lineage_pb2.Lineage()
    for ref in ("artifact/a", "artifact/b"):
        graph.nodes.add(ref=ref, name=ref[-1], type="Dataset", depth=0)
    graph.edges.add(source="artifact/a", target="artifact/b", kind="SAME_AS")
    graph.edges.add(source="artifact/b", target="artifact/a", kind="SAME_AS")
    assert len(texts(lineage_lines(graph))) < 12


def test_what_was_not_followed_from_outside_of_the_answer_is_said():
    graph = lineage_pb2.Lineage()
    graph.cuts.add(at="task/x", direction="UPSTREAM", reason="TIME")
    assert texts(lineage_lines(graph)) == ["task/x … there may be more: time was up"]


def test_names_cannot_move_the_cursor():
    graph = a_graph()
    graph.nodes[0].name = "a\x1b[2J\nb"
    assert texts(lineage_lines(graph))[0].startswith("a�[2J�b  Model")
