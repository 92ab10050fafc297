"""KFP's own database says more of runs, and has experiments, pipelines and their versions."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from migrations.mlmd.kfp.database import open_kfp
from migrations.mlmd.kfp.state import run_state, storage_state
from migrations.mlmd.mapping.pipeline_spec import spec_text
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun, RunKind
from storage.documents.plain import compact
from storage.model import Experiment, Pipeline, PipelineVersion
from tests.databases.queries import execute
from tests.mlmd.builders import RUN_ID, a_context
from tests.mlmd.kfp_databases import SPEC, make_kfp_database
from tests.mlmd.reading import read_all, store_url

Row = TypeVar("Row")


async def all_of(batches: AsyncIterator[Sequence[Row]]) -> list[Row]:
    return [row async for batch in batches for row in batch]


async def runs_of(url: str, *contexts: ContextRow) -> dict[int, KfpRun]:
    async with open_kfp(url) as kfp:
        return await kfp.runs_of(contexts)


async def test_a_run_is_found_by_its_id(database_url: str) -> None:
    make_kfp_database(database_url)
    run = (await runs_of(database_url, a_context()))[7]
    assert (run.id, run.name, run.namespace, run.state) == (RUN_ID, "my rün", "team-a", "SUCCEEDED")
    assert (run.experiment_id, run.pipeline_id, run.pipeline_version_id) == ("e1", "p1", "v1")
    assert (run.storage_state, run.service_account, run.recurring_run_id) == ("ARCHIVED", "runner", "r1")
    assert (run.created_at, run.scheduled_at, run.finished_at) == (5_000_000, 6_000_000, 9_000_000)
    assert compact(run.parameters) == '{"a":0.5,"b":[1]}'
    assert json.loads(run.pipeline_spec or "") == SPEC
    assert json.loads(run.state_history or "") == [
        {"updateTime": "1970-01-01T00:00:05Z", "state": "PENDING"},
        {"updateTime": "1970-01-01T00:00:09Z", "state": "SUCCEEDED"},
    ]
    assert run.fingerprints == {2: "old-print"}


async def test_a_run_of_kfp_v1_is_found_by_its_workflow(database_url: str) -> None:
    make_kfp_database(database_url)
    v1 = a_context(RunKind.KFP_V1, "train-v1-abcde")
    run = (await runs_of(database_url, v1))[7]
    # Its namespace is that of its experiment; "Error" is what Argo said.
    assert (run.id, run.namespace, run.state, run.finished_at) == ("v1-uuid", "team-x", "FAILED", None)


async def test_other_runs_are_not_known(database_url: str) -> None:
    make_kfp_database(database_url)
    assert not await runs_of(database_url, a_context(name="unknown"), a_context(RunKind.GENERIC, RUN_ID))
    assert not await runs_of(database_url)


async def test_experiments_pipelines_and_versions_are_read(database_url: str) -> None:
    make_kfp_database(database_url)
    async with open_kfp(database_url) as kfp:
        assert await all_of(kfp.experiments()) == [
            Experiment("e1", "trials", 3_000_000, "d", "team-x", "AVAILABLE", 7_000_000)
        ]
        assert await all_of(kfp.pipelines()) == [Pipeline("p1", "training", 2_000_000, "training", "", "team-a")]
        (version,) = await all_of(kfp.pipeline_versions())
        assert json.loads(version.pipeline_spec or "") == SPEC
        wanted = PipelineVersion("v1", "p1", "first", 4_000_000, "first", "", code_source_url="git://x")
        assert version == PipelineVersion(**{**fields_of(wanted), "pipeline_spec": version.pipeline_spec})


def fields_of(version: PipelineVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in version.__dataclass_fields__}


async def test_a_release_without_some_tables_is_read(database_url: str) -> None:
    make_kfp_database(database_url, leaving_out=("tasks", "pipeline_versions", "experiments"))
    async with open_kfp(database_url) as kfp:
        assert (await kfp.runs_of([a_context()]))[7].fingerprints == {}
        assert not await all_of(kfp.experiments())
        assert not await all_of(kfp.pipeline_versions())


async def test_the_newest_releases_table_of_tasks_is_no_cache(database_url: str) -> None:
    make_kfp_database(database_url, leaving_out=("tasks",))
    execute(database_url, "CREATE TABLE tasks (RunUUID VARCHAR(99), Fingerprint VARCHAR(99))")
    assert (await runs_of(database_url, a_context()))[7].fingerprints == {}


async def test_a_database_without_runs_is_refused(database_url: str) -> None:
    execute(database_url, "CREATE TABLE other (x INTEGER)")
    with pytest.raises(SourceRefused) as refusal:
        await runs_of(database_url, a_context())
    assert str(refusal.value).endswith("is not a database of KFP: it lacks the table run_details")


async def test_a_missing_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused) as refusal:
        await runs_of(f"sqlite:///{tmp_path}/none.db", a_context())
    assert str(refusal.value).startswith("KFP's database sqlite:///")


@pytest.mark.databases("sqlite")
async def test_a_store_is_read_with_kfps_database(database_url: str) -> None:
    make_kfp_database(database_url)
    async with open_kfp(database_url) as kfp:
        imported = await read_all(store_url("kfp_v1_metadata_writer"), kfp=kfp)
    # Its second run is not in KFP's database; history of v1 is imported all the same.
    assert [(run.run.state, run.run.namespace) for run in imported.runs] == [
        ("FAILED", "team-x"),
        ("RUNTIME_STATE_UNSPECIFIED", ""),
    ]
    assert imported.runs[0].run.id == "v1-uuid"
    assert {artifact.namespace for artifact in imported.runs[0].artifacts} == {"team-x"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("SUCCEEDED", "SUCCEEDED"),
        ("Succeeded", "SUCCEEDED"),
        ("RUNTIME_STATE_FAILED", "FAILED"),
        ("Error", "FAILED"),
        ("Omitted", "SKIPPED"),
        ("Terminating", "CANCELING"),
        ("RUNTIME_STATE_UNSPECIFIED", ""),
        ("strange", ""),
        ("", ""),
    ],
)
def test_kfps_words_for_states_are_understood(text: str, state: str) -> None:
    assert run_state(text) == state


@pytest.mark.parametrize(
    ("text", "state"),
    [("ARCHIVED", "ARCHIVED"), ("STORAGESTATE_ARCHIVED", "ARCHIVED"), ("AVAILABLE", "AVAILABLE"), ("", "AVAILABLE")],
)
def test_whatever_is_not_archived_is_available(text: str, state: str) -> None:
    assert storage_state(text) == state


BARE = {"pipelineInfo": {"name": "p"}, "root": {}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (json.dumps(BARE), BARE),
        ("pipelineInfo: {name: p}\nroot: {}\n", BARE),
        ("pipelineInfo: {name: 2020-01-01}\nroot: {}\n", {"pipelineInfo": {"name": "2020-01-01"}, "root": {}}),
        (json.dumps({"pipeline_spec": BARE}), BARE),
        (
            "pipelineInfo: {name: p}\nroot: {}\n---\nplatforms: {kubernetes: {}}\n",
            {"pipeline_spec": BARE, "platform_spec": {"platforms": {"kubernetes": {}}}},
        ),
        ("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", None),
        ("{", None),
        ("- 1", None),
        ("", None),
    ],
)
def test_a_spec_is_kept_bare_or_beside_its_platforms(text: str, kept: object) -> None:
    found = spec_text(text)
    assert (json.loads(found) if found else None) == kept
    assert not found or not found[0].isspace()
