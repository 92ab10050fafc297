"""A short run of every part on a small SQLite store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.__main__ import main
from benchmarks.bench import Options, Stores, stores
from benchmarks.call_costs import measure_calls
from benchmarks.far_pages import measure_far_pages
from benchmarks.first_sight import measure_first_sight
from benchmarks.limit import OPERATIONS, measure_limit
from benchmarks.mlmd_rate import measure_mlmd
from benchmarks.operations import KFP_TASK, fresh_requests, operation_names
from benchmarks.sides import this_side
from benchmarks.start import measure_start
from benchmarks.stored import Size
from tests.conftest import HAS_MLMD_WHEEL

pytestmark = pytest.mark.slow

SMALL = Size(tasks=6, page_runs=2, large_run_tasks=1, small_runs=2, kfp_runs=2, kfp_tasks=6)
OPTIONS = Options(rounds=1, seconds=0.05, clients=(2,))


@pytest.fixture(scope="module")
def small_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A store of this checkout."""
    with stores("sqlite", [this_side()], SMALL, tmp_path_factory.mktemp("bench")) as filled:
        yield filled


def test_every_operation_is_measured(small_stores: Stores) -> None:
    rows = measure_calls(small_stores, OPTIONS, workers=1, crowd=False)
    assert list(rows) == operation_names()
    for name, by_clients in rows.items():
        row = by_clients["2"]["this"]
        assert row["server_us"] > 0, name
        assert row["p50_ms"] <= row["p99_ms"], name
        assert row["statements"] >= 1, name
    assert rows["GetRun FULL"]["2"]["this"]["answer_bytes"] > rows["GetRun"]["2"]["this"]["answer_bytes"]
    assert (
        rows["CreateArtifactsBulk 50"]["2"]["this"]["answer_bytes"]
        > rows["CreateArtifact"]["2"]["this"]["answer_bytes"]
    )
    assert rows[KFP_TASK]["2"]["this"]["statements"] > 16


def test_starts_and_rests_are_measured(small_stores: Stores) -> None:
    rows = measure_start(small_stores, OPTIONS, idle_seconds=0.2)
    assert list(rows) == ["1 worker"]  # one process serves a file
    this = rows["1 worker"]["this"]
    assert 0.05 < this["ready_s"] < 10
    assert 0 <= this["idle_ms_per_s"] < 1000
    assert 20 < this["pss_mb"] < 500


def test_first_sights_are_measured(small_stores: Stores) -> None:
    rows = measure_first_sight(small_stores, OPTIONS)
    assert list(rows) == list(fresh_requests(small_stores.stored))
    assert all(row["this"]["server_us"] > 0 for row in rows.values())


def test_each_fresh_request_reads_other_rows(small_stores: Stores) -> None:
    runs = [run.id for group in (small_stores.stored.read, *small_stores.stored.fresh) for run in group.runs]
    sent = [request for requests in fresh_requests(small_stores.stored).values() for request in requests]
    assert len(set(runs)) == len(runs) == 10
    assert len(set(sent)) == len(sent) == 7


def test_statements_are_replayed_through_the_bare_driver(small_stores: Stores) -> None:
    rows = measure_limit(small_stores, OPTIONS, calls_recorded=12)
    assert list(rows) == list(OPERATIONS)
    assert all(row["driver_us"] > 0 and row["statements"] >= 1 for row in rows.values())


def test_a_far_page_is_compared_with_the_first(small_stores: Stores) -> None:
    rows = measure_far_pages(small_stores, OPTIONS, far=3)
    assert list(rows) == ["ListRuns", "ListArtifacts"]
    assert all(row["ratio"] > 0 and row["page"] == 3 for row in rows.values())


@pytest.mark.skipif(not HAS_MLMD_WHEEL, reason="ml-metadata's last release has no wheel for this platform")
def test_a_task_is_27_calls_to_ml_metadata(small_stores: Stores) -> None:
    row = measure_mlmd(small_stores, OPTIONS)
    assert row["mlmd"]["calls"] == 27
    assert row["rate_ratio"] > 0
    assert row["cpu_ratio"] > 0


def test_the_command_compares_a_commit_and_keeps_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    main(
        [
            "--base",
            "HEAD",
            "--only",
            "GetTask",
            "--rounds",
            "1",
            "--seconds",
            "0.05",
            "--clients",
            "2",
            "--write",
            "sqlite",
        ]
    )
    row = results.read("sqlite")["calls"]["GetTask"]
    assert row["2"]["ratio"][0] == row["2"]["ratio"][1] == row["2"]["ratio"][2] > 0
    assert row["measured"]["base"] in row["measured"]["commit"]
    assert "GetTask" in capsys.readouterr().out


def test_rows_that_are_measured_anew_replace_theirs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    results.keep("sqlite", {"limit": {"GetTask": {"driver_us": 1}, "GetRun": {"driver_us": 2}}})
    results.keep("sqlite", {"limit": {"GetTask": {"driver_us": 3}}})
    kept = results.read("sqlite")
    assert [row["driver_us"] for row in kept["limit"].values()] == [3, 2]
    assert kept["machine"]["database"].startswith("SQLite 3.")
