"""The documented backup of SQLite, made while a server writes, serves what was acknowledged before it."""

import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from lineal.v2beta1 import run_pb2

from tests.docs.pages import DOCS
from tests.docs.test_examples import record
from tests.faults.cluster import serving

LIST_RUNS = "/kubeflow.pipelines.backend.api.v2beta1.RunService/ListRuns"


def documented_statement() -> str:
    [statement] = re.findall(
        r"^sqlite3 data/lineal\.sqlite \"(.*)\"$", (DOCS / "operations.md").read_text(), re.MULTILINE
    )
    return str(statement)


def list_names(channel: grpc.Channel) -> set[str]:
    list_runs = channel.unary_unary(
        LIST_RUNS, run_pb2.ListRunsRequest.SerializeToString, run_pb2.ListRunsResponse.FromString
    )
    names: set[str] = set()
    token = ""
    while True:
        answer = list_runs(run_pb2.ListRunsRequest(page_size=200, page_token=token), timeout=20)
        names |= {run.display_name for run in answer.runs}
        token = answer.next_page_token
        if not token:
            return names


def test_a_backup_under_load_holds_what_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "lineal.sqlite"
    acknowledged: list[str] = []
    stop = threading.Event()
    with serving(f"sqlite:///{store}") as server, grpc.insecure_channel(server.grpc) as channel:

        def write() -> None:
            while not stop.is_set():
                name = f"run {len(acknowledged)}"
                record(channel, run_pb2.CreateRunRequest(run={"display_name": name}))
                acknowledged.append(name)

        writer = threading.Thread(target=write)
        writer.start()
        while len(acknowledged) < 20:
            assert writer.is_alive()
        before = set(acknowledged)
        with closing(sqlite3.connect(store)) as connection:
            connection.execute(documented_statement())
        stop.set()
        writer.join()
        server.kill()

    for path in tmp_path.glob("lineal.sqlite-*"):
        path.unlink()
    (tmp_path / "backup.sqlite").replace(store)
    with serving(f"sqlite:///{store}") as server, grpc.insecure_channel(server.grpc) as channel:
        restored = list_names(channel)
    assert before <= restored <= set(acknowledged)
