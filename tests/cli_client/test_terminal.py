"""What terminals are sent: colours only where they are wanted, nothing that a stored name could do there."""

import json
from collections.abc import Iterator

import pytest
from lineal import Client
from rich.cells import cell_len

from tests.cli_client.program import Lineal
from tests.cli_client.terminal import on_terminal, without_styles

pytestmark = pytest.mark.databases("sqlite")

POISON = (
    "[red]x[/red]",
    "[link=file:///]y",
    "a\x1b[2Jb",
    "c\nd\te",
    "f\u202eg",
    "h\x9b31mi",
    ":warning:",
    "{j}",
    "[/]",
)
SHOWN = ("[red]x[/red]", "[link=file:///]y", "a�[2Jb", "c�d�e", "f�g", "h�31mi", ":warning:", "{j}", "[/]")
"""The names, and how tables show them."""


@pytest.fixture
def poisoned(client: Client) -> Iterator[list[str]]:
    """The ids of runs with such names, each with a task and an artifact that is called the same."""
    ids = []
    for name in POISON:
        run_id = client.create_run(run={"display_name": name, "description": name}).run_id
        state = {"message": name}
        task = {"name": name, "type": "RUNTIME", "state": "FAILED", "status_metadata": state}
        task_id = client.create_task(run_id, task=task).task_id
        artifact = {"name": name, "namespace": "team", "type": "Model", "uri": f"s3://{name}", "metadata": {name: name}}
        client.create_artifact(artifact=artifact, run_id=run_id, task_id=task_id, producer_key=name)
        ids.append(run_id)
    yield ids
    for run_id in ids:
        client.delete_run(run_id)


def commands(run_id: str) -> list[list[str]]:
    """Commands that show a run, its task or its artifact."""
    return [["runs", "get", run_id], ["tree", run_id], ["tasks", "list", run_id], ["lineage", f"run/{run_id}"]]


def test_names_are_shown_as_they_are_but_for_what_acts_on_terminals(writer: Lineal, poisoned: list[str]) -> None:
    for run_id, name in zip(poisoned, SHOWN, strict=True):
        for words in commands(run_id):
            out = writer.out(*words)
            assert name in out
            assert all(line.isprintable() for line in out.splitlines())


@pytest.mark.parametrize("format", ["table", "json", "yaml", "csv"])
def test_a_terminal_is_sent_nothing_that_acts_on_it(writer: Lineal, poisoned: list[str], format: str) -> None:
    # A process each, of which the machine may run few at once: one list and what lays all runs side by side.
    for words in (["artifacts", "list"], ["compare", *poisoned]):
        sent = without_styles(on_terminal(writer, *words, "-o", format, columns=300))
        assert [line for line in sent.split("\n") if not line.isprintable()] == []


def test_json_has_the_names_as_they_are(writer: Lineal, poisoned: list[str]) -> None:
    runs = json.loads(writer.out("runs", "list", "-o", "json", "--limit", str(len(POISON))))
    assert sorted(run["display_name"] for run in runs) == sorted(POISON)


def test_errors_show_names_as_tables_do(writer: Lineal) -> None:
    ended = writer("runs", "get", "nothing\x1b[2J\n[red]")
    assert (ended.status, ended.err.count("\n")) == (3, 1)
    assert "\x1b" not in ended.err


def test_wide_characters_keep_columns_in_line(writer: Lineal, client: Client) -> None:
    ids = [client.create_run(run={"display_name": name}).run_id for name in ("模型训练", "ab", "👩‍🔬 runs", "e\u0301")]
    lines = writer.out("runs", "list", "--limit", "4").splitlines()
    assert len({cell_len(line.partition("?")[0]) for line in lines[1:]}) == 1
    for run_id in ids:
        client.delete_run(run_id)


def test_a_terminal_has_colours_and_others_have_none(lineal: Lineal) -> None:
    words = ("runs", "list", "--limit", "2")
    assert "\x1b[1;31m✕ failed" in on_terminal(lineal, *words)
    assert "\x1b" not in lineal.out(*words)
    for changes in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(lineal, *words, changes=changes)
        assert "✕ failed" in on_terminal(lineal, *words, changes=changes)


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_tables_fit_the_screen_and_never_cut_ids(lineal: Lineal, columns: int) -> None:
    lines = without_styles(on_terminal(lineal, "runs", "list", "--limit", "3", columns=columns)).splitlines()
    ids = lineal.out("runs", "list", "--limit", "3", "-o", "ids").split()
    assert [line.split()[0] for line in lines[1:4]] == ids
    assert max(map(cell_len, lines[:4])) <= columns


def test_trees_are_never_cut(lineal: Lineal) -> None:
    wide, narrow = (on_terminal(lineal, "tree", "churn 12", columns=columns) for columns in (200, 50))
    assert without_styles(narrow).replace("\n", "") == without_styles(wide).replace("\n", "")


def test_a_watch_draws_in_one_place(lineal: Lineal) -> None:
    sent = on_terminal(lineal, "watch", "churn 12", rows=8)
    assert "… 6 more tasks" in without_styles(sent)
    assert without_styles(sent).splitlines()[-1] == (
        "  register failed first: the registry refused the model: AUC 0.714 is below auc_required = 0.8"
    )


def test_output_is_utf_8_whatever_the_locale_says(lineal: Lineal) -> None:
    changes = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    ended = lineal.ended("runs", "list", "--limit", "2", changes=changes)
    assert (ended.status, ended.err) == (0, "")
    assert "✕ failed" in ended.out
    assert "failed" in on_terminal(lineal, "runs", "list", "--limit", "2", changes=changes)
