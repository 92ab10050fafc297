"""A real IPython: what it shows once a client is made in it, and that nothing is loaded anywhere else."""

import subprocess
import sys

import lineal
import pytest
from lineal import _notebook
from lineal._ui import address_for

from tests.client.views.pages import Page
from tests.faults.cluster import Server, clean_environment

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def shown(code):
    return shell.display_formatter.format(shell.ev(code))[0]
"""


def cell(code: str) -> str:
    """A line that runs a cell."""
    return f"shell.run_cell({code!r}).raise_error()"


def run_in_ipython(tmp_path, *lines: str) -> str:
    """What a program prints that has a shell, with `shown(code)`: the forms in which a value is shown."""
    environment = clean_environment({"IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "-c", SHELL + "\n".join(lines)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_making_a_client_lets_ipython_show_messages(demo_server: Server, runs, tmp_path):
    run_id = runs["churn 4"].run_id
    output = run_in_ipython(
        tmp_path,
        cell(f"import lineal; client = lineal.Client({demo_server.grpc!r})"),
        cell(f"run = client.get_run({run_id!r}, view='FULL')"),
        "forms = shown('run')",
        "print(sorted(forms)); print(forms['text/html'])",
    )
    forms, page = output.split("\n", 1)
    assert forms == "['text/html', 'text/plain']"
    assert "out of memory on the device" in Page(page).text
    # The default of the setting ui_url is where the server listens for REST, by the name by which it was reached.
    assert f"http://{demo_server.rest}/runs/{run_id}" in Page(page).links


def test_the_extension_lets_ipython_show_messages_without_a_client(tmp_path):
    output = run_in_ipython(
        tmp_path,
        "shell.run_line_magic('load_ext', 'lineal')",
        cell("from lineal.v2beta1.run_pb2 import Run"),
        cell("run = Run(run_id='r', display_name='<b>churn')"),
        "print(shown('run')['text/html'])",
    )
    assert "<b>churn" in Page(output).text


def test_tasks_of_a_run_are_a_table_and_other_repeated_fields_are_as_ever(demo_server: Server, runs, tmp_path):
    output = run_in_ipython(
        tmp_path,
        cell(f"import lineal; client = lineal.Client({demo_server.grpc!r})"),
        cell(f"run = client.get_run({runs['churn 4'].run_id!r}, view='FULL')"),
        "print(sorted(shown('run.state_history')), shown('run.tasks')['text/html'].count('<tr>'))",
    )
    assert output.strip() == "['text/plain'] 8"


def test_outside_of_notebooks_nothing_is_loaded_for_them(demo_server: Server):
    program = f"import lineal, sys; lineal.Client({demo_server.grpc!r}); print('lineal.html' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state of its own of what is known of the UI."""
    monkeypatch.setattr(_notebook, "_ui", _notebook._Ui())


def test_the_ui_is_asked_for_once(shell, demo_server: Server):
    with lineal.Client(demo_server.grpc) as client:
        _notebook._ui.belongs_to(client)
        assert _notebook.ui_url().startswith("http://")
    assert _notebook.ui_url().startswith("http://")  # the client is closed: it was not asked again


def test_without_an_answer_there_are_no_links_and_nobody_waits_again(shell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_notebook, "ASK_SECONDS", 0.2)
    with lineal.Client("127.0.0.1:1", retries=0) as client:
        _notebook._ui.belongs_to(client)
        assert _notebook.ui_url() == ""
        asked_again_after = _notebook._ui._ask_after
        assert _notebook.ui_url() == ""
        assert _notebook._ui._ask_after == asked_again_after


@pytest.mark.parametrize(
    ("ui_url", "target", "address"),
    [
        ("http://localhost:8888/", "lineal.example:8887", "http://lineal.example:8888/"),
        ("http://localhost/x/", "[::1]:8887", "http://[::1]/x/"),
        ("http://localhost:8888/", "unix:///run/lineal", "http://localhost:8888/"),
        ("https://ui.example/lineal/", "10.0.0.1:8887", "https://ui.example/lineal/"),
        ("javascript:poisoned=1", "10.0.0.1:8887", ""),
        ("http://[x/", "10.0.0.1:8887", ""),
        ("", "10.0.0.1:8887", ""),
    ],
)
def test_the_address_of_the_ui_is_one_that_the_client_can_reach(ui_url, target, address):
    assert address_for(ui_url, target) == address
