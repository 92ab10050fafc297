"""What the pages show to call a server with works against one."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import grpc
import lineal
import pytest
from google.protobuf import json_format
from lineal.v2beta1 import run_pb2

from server.app import APIS
from storage.ids import id_of_key, new_id
from tests.databases.programs import find_program, install_packages
from tests.docs.pages import CHECKOUT, PAGES, commands, fenced, name_of
from tests.faults.cluster import Server, clean_environment, serving

README = CHECKOUT / "README.md"
IN_ONE_SESSION = {"clients/python/README.md", "docs/notebook.md", "docs/python.md", "docs/recorder.md"}
"""Pages whose blocks go on from one another: other tests run them as a whole."""

SNIPPETS = [(page, text) for page in PAGES if name_of(page) not in IN_ONE_SESSION for text in fenced(page, "python")]
READING = [(page, text) for page, text in SNIPPETS if "lineal.run(" not in text]
RECORDING = [(page, text) for page, text in SNIPPETS if "lineal.run(" in text]
GRPC_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost):8887")
METHODS = {method.path.removeprefix("/"): method for api in APIS for method in api.methods}
HTTP_RULES = [(method.http, method) for method in METHODS.values() if method.http]

CURL = [shlex.split(line) for page, line in commands() if line.startswith("curl ") and page == "README.md"]
ADDRESSES = sorted(
    {url for _, line in commands() for url in re.findall(r"http://127\.0\.0\.1:8888[^\s'\"]*\?[^\s'\"]*", line)}
)
GRPCURL = [shlex.split(line) for _, line in commands() if line.startswith("grpcurl ")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('store')}/lineal.sqlite") as started:
        with grpc.insecure_channel(started.grpc) as channel:
            record(channel, run_pb2.CreateRunRequest(run={"display_name": "a run of the documentation"}))
        yield started


def record(channel: grpc.Channel, request: run_pb2.CreateRunRequest) -> run_pb2.Run:
    path = "/kubeflow.pipelines.backend.api.v2beta1.RunService/CreateRun"
    create_run = channel.unary_unary(path, run_pb2.CreateRunRequest.SerializeToString, run_pb2.Run.FromString)
    answer: run_pb2.Run = create_run(request, timeout=20)
    return answer


def test_the_readme_has_snippets() -> None:
    assert "README.md" in {name_of(page) for page, _ in READING}
    assert "README.md" in {name_of(page) for page, _ in RECORDING}


@pytest.mark.parametrize(
    ("page", "text"), RECORDING, ids=lambda value: name_of(value) if isinstance(value, Path) else ""
)
def test_a_python_snippet_records_a_run(page: Path, text: str, tmp_path: Path) -> None:
    [name] = re.findall(r'lineal\.run\("([^"]+)"', text)
    with serving(f"sqlite:///{tmp_path}/lineal.sqlite") as served, lineal.Client(served.grpc) as client:
        environment = clean_environment({"LINEAL_SPOOL_DIR": str(tmp_path / "spool")})
        command = [sys.executable, "-W", "error", "-c", GRPC_ADDRESS.sub(served.grpc, text)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        [run] = client.list_runs()
    assert (run.display_name, run_pb2.RuntimeState.Name(run.state)) == (name, "SUCCEEDED")


@pytest.mark.parametrize(("page", "text"), READING, ids=lambda value: name_of(value) if isinstance(value, Path) else "")
def test_a_python_snippet_reads_the_recorded_run(page: Path, text: str, server: Server) -> None:
    served = GRPC_ADDRESS.sub(server.grpc, text)
    assert served != text
    done = subprocess.run([sys.executable, "-W", "error", "-c", served], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a run of the documentation" in done.stdout


def test_ids_are_made_of_keys_as_the_page_shows() -> None:
    [text] = fenced(CHECKOUT / "docs" / "api.md", "py")
    shown: dict[str, Any] = {}
    exec(text, shown)
    key = new_id()
    assert [shown["id_of_key"](key, n) for n in range(20)] == [id_of_key(key, n) for n in range(20)]


@pytest.mark.parametrize("words", GRPCURL, ids=lambda words: words[-1])
def test_a_grpcurl_line_names_a_method_and_its_request(words: list[str]) -> None:
    assert "127.0.0.1:8887" in words
    if words[-1] == "list":
        return
    request = METHODS[words[-1]].request()
    json_format.Parse(words[words.index("-d") + 1], request)
    assert request.ListFields()


def test_the_curl_lines_do_what_they_show_one_after_another(server: Server) -> None:
    answers = [curl(words, server) for words in CURL]
    assert "a run of the documentation" in [run["display_name"] for run in answers[0]["runs"]]
    assert (answers[1]["display_name"], answers[1]["state"]) == ("by hand", "PENDING")
    assert [run["run_id"] for run in answers[2]["runs"]] == [answers[1]["run_id"]]
    assert answers[3] == {}  # nothing was recorded here that made an artifact


def curl(words: list[str], server: Server) -> dict[str, Any]:
    if find_program("curl") is None:
        install_packages(["curl"])
    served = [word.replace("127.0.0.1:8888", server.rest) for word in words]
    done = subprocess.run([*served, "--silent", "--max-time", "20"], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("url", ADDRESSES)
def test_the_parameters_of_an_address_belong_to_the_request(url: str) -> None:
    # A server ignores those it does not know.
    parts = urlsplit(url)
    [method] = [method for rule, method in HTTP_RULES if (rule.verb, rule.path) == ("GET", parts.path)]
    parameters = dict(parse_qsl(parts.query, strict_parsing=True))
    json_format.Parse(json.dumps(parameters), method.request())
    assert parameters
