"""UpdateArtifact: metrics change while their task runs, their series never become shorter, and nothing else is rewritten."""

import asyncio
from typing import Any

import pytest
from lineal.v2beta1 import artifact_pb2

from server.rules import metrics
from storage.ids import new_id
from storage.sql.store import SqlStore
from tests.api.builders import a_series, a_struct, an_artifact, new_artifact, new_run, new_run_and_task, new_task
from tests.api.client import Api, code, refusal
from tests.api.holding import somebody_holding
from tests.api.statements import Statements
from tests.api.writes import Site, sent
from tests.rest.client import ask

TYPES = sorted(set(artifact_pb2.Artifact.ArtifactType.keys()) - {"Metric", "TYPE_UNSPECIFIED"})


async def a_metric(api: Api, *values: float, **fields: Any) -> str:
    """A metric with a series."""
    run_id, task_id = await new_run_and_task(api)
    metadata = dict(a_struct(a_series(*values)).fields)
    chosen = {"type": "Metric", "number_value": 9.0, "metadata": metadata, **fields}
    return await new_artifact(api, run_id, task_id, "loss", **chosen)


async def update(api: Api, artifact_id: str, *values: float | str, number: float | None = None, **others: Any) -> Any:
    metadata = a_struct(a_series(*values, **others))
    return await api.UpdateArtifact(artifact_id=artifact_id, metadata=metadata, number_value=number)


async def stored(api: Api, artifact_id: str) -> Any:
    return await api.GetArtifact(artifact_id=artifact_id)


async def test_metadata_and_number_of_a_metric_are_replaced_as_a_whole(api: Api) -> None:
    artifact_id = await a_metric(api, 3.0, description="d", uri="s3://b/loss")
    before = await stored(api, artifact_id)
    answer = await update(api, artifact_id, 3.0, 2.5, number=2.5, unit="nats")
    assert (answer.artifact_id, answer.number_value, answer.points) == (artifact_id, 2.5, 2)
    after = await stored(api, artifact_id)
    assert dict(after.metadata) == dict(a_struct(a_series(3.0, 2.5, unit="nats")).fields)
    before.ClearField("metadata")
    after.ClearField("metadata")
    before.number_value = 2.5
    assert after == before


async def test_what_a_request_leaves_empty_is_removed(api: Api) -> None:
    artifact_id = await a_metric(api, metadata={"unit": {"string_value": "s"}})
    answer = await api.UpdateArtifact(artifact_id=artifact_id)
    after = await stored(api, artifact_id)
    assert not answer.HasField("number_value")
    assert (after.HasField("number_value"), len(after.metadata)) == (False, 0)


async def test_a_series_may_grow_and_keep_its_length_but_not_shrink(api: Api) -> None:
    artifact_id = await a_metric(api, 3.0)
    for values in ((3.0, 2.0, 1.0), (3.0, 2.0, 1.5)):
        assert (await update(api, artifact_id, *values, number=values[-1])).points == 3
    before = await stored(api, artifact_id)
    for shorter in (a_series(3.0, 2.0), {"points": 2}, {}, {"unit": "s"}):
        refused = await refusal(api.UpdateArtifact(artifact_id=artifact_id, metadata=a_struct(shorter), number_value=7))
        assert (refused.code, refused.info.reason) == ("FAILED_PRECONDITION", "SHORTER_SERIES")
        assert refused.info.metadata["points"] == "3"
    assert await stored(api, artifact_id) == before


async def test_a_series_that_was_thinned_out_is_as_long_as_its_points_say(api: Api) -> None:
    artifact_id = await a_metric(api)
    assert (await update(api, artifact_id, 4.0, 3.0, points=20_001)).points == 20_001
    assert await code(update(api, artifact_id, *[1.0] * 20, points=20_000)) == "FAILED_PRECONDITION"
    assert (await update(api, artifact_id, 4.0, points=20_001)).points == 20_001


@pytest.mark.parametrize("type", TYPES)
async def test_artifacts_of_other_types_are_never_rewritten(api: Api, type: str) -> None:
    run_id, task_id = await new_run_and_task(api)
    metadata = {"made": {"string_value": "by hand"}}
    artifact_id = await new_artifact(api, run_id, task_id, type=type, metadata=metadata)
    before = await stored(api, artifact_id)
    refused = await refusal(update(api, artifact_id, 1.0, number=1.0))
    assert (refused.code, refused.info.reason) == ("FAILED_PRECONDITION", "NOT_A_METRIC")
    assert await stored(api, artifact_id) == before


async def test_numbers_that_json_does_not_have_travel_as_texts(api: Api) -> None:
    artifact_id = await a_metric(api)
    await update(api, artifact_id, 1.0, "NaN", "Infinity", "-Infinity", number=1.0)
    entries = (await stored(api, artifact_id)).metadata["series"].list_value.values
    values = [entry.struct_value.fields["value"] for entry in entries]
    assert [value.string_value or value.number_value for value in values] == [1.0, "NaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
async def test_a_number_must_be_finite(api: Api, number: float) -> None:
    artifact_id = await a_metric(api, 1.0)
    refused = await refusal(update(api, artifact_id, 1.0, number=number))
    assert (refused.code, refused.message) == ("INVALID_ARGUMENT", "number_value is NaN or an infinity")
    assert (await stored(api, artifact_id)).number_value == 9.0


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"series": [{"step": 0, "time": 1, "value": 1}, {"step": 1.5}]}, "metadata.series[1].step is not a whole"),
        ({"series": "1, 2"}, "metadata.series is not a list"),
        ({"points": -1}, "metadata.points is not a whole number of at least 0"),
        ({"a": "\x00"}, "metadata contains a NUL character"),
    ],
)
async def test_malformed_metadata_are_refused_with_the_first_entry_that_is(
    api: Api, metadata: dict[str, Any], problem: str
) -> None:
    artifact_id = await a_metric(api, 1.0)
    refused = await refusal(api.UpdateArtifact(artifact_id=artifact_id, metadata=a_struct(metadata)))
    assert refused.code == "INVALID_ARGUMENT"
    assert problem in refused.message
    assert (await stored(api, artifact_id)).number_value == 9.0


async def test_metadata_have_the_limits_of_createartifact(api: Api) -> None:
    artifact_id = await a_metric(api, 1.0)
    deep: Any = 1
    for _ in range(46):
        deep = [deep]
    for metadata, problem in (({"a": deep}, "nested too deeply"), ({"a": "x" * (16 << 20)}, "is larger than")):
        refused = await refusal(api.UpdateArtifact(artifact_id=artifact_id, metadata=a_struct(metadata)))
        assert refused.code == "INVALID_ARGUMENT"
        assert problem in refused.message


async def test_an_artifact_that_does_not_exist_is_not_found(api: Api) -> None:
    assert await code(api.UpdateArtifact(artifact_id="nowhere")) == "NOT_FOUND"
    assert await code(api.UpdateArtifact(artifact_id="x" * 500)) == "NOT_FOUND"
    assert await code(api.UpdateArtifact()) == "INVALID_ARGUMENT"


async def test_a_changed_metric_is_no_longer_reused_as_what_it_was(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    artifact = an_artifact("loss", type="Metric", number_value=1.0, uri=f"s3://b/{new_id()}")
    fields = {
        "run_id": run_id,
        "task_id": task_id,
        "producer_key": "out",
        "artifact": artifact,
        "reuse_if_exists": True,
    }
    first = (await api.CreateArtifact(**fields)).artifact_id
    assert (await api.CreateArtifact(**fields)).artifact_id == first
    await update(api, first, 1.0, number=1.0)
    assert (await api.CreateArtifact(**fields)).artifact_id != first
    await api.UpdateArtifact(artifact_id=first, number_value=2.0, metadata=a_struct({"points": 1}))


async def test_of_writers_at_once_the_longest_series_stays(site: Site) -> None:
    artifact_id = await a_metric(site.api)
    lengths = [7, 3, 12, 1, 9, 12, 5, 2, 11, 4, 10, 8]
    calls = (
        code(update((site.api, site.other)[number % 2], artifact_id, *[1.0] * length, number=float(length)))
        for number, length in enumerate(lengths)
    )
    codes = await asyncio.gather(*calls)
    assert {codes[number] for number, length in enumerate(lengths) if length == 12} == {"OK"}
    assert set(codes) <= {"OK", "FAILED_PRECONDITION"}
    kept = await stored(site.other, artifact_id)
    assert (kept.number_value, len(kept.metadata["series"].list_value.values)) == (12.0, 12)


async def test_a_call_that_is_sent_again_with_its_key_does_not_undo_a_later_one(site: Site) -> None:
    artifact_id, key = await a_metric(site.api), new_id()
    fields = {"artifact_id": artifact_id, "metadata": a_struct(a_series(1.0)), "number_value": 1.0}
    first = await sent(site.api, "UpdateArtifact", fields, key)
    await update(site.api, artifact_id, 1.0, 2.0, number=2.0)
    assert await sent(site.other, "UpdateArtifact", fields, key) == first
    assert (await stored(site.api, artifact_id)).number_value == 2.0


async def test_each_change_is_later_than_the_one_before(api: Api) -> None:
    artifact_id = await a_metric(api)
    times = [(await update(api, artifact_id, 1.0)).updated_at.ToNanoseconds() for _ in range(5)]
    assert times == sorted(set(times))


async def changed_at(site: Site, run_id: str) -> int:
    """When a run was changed."""
    store = SqlStore(site.url)
    run = await store.read(lambda tx: tx.runs.get(run_id, with_spec=False))
    await store.close()
    return run.updated_at


@pytest.mark.parametrize("key", [None, "a key"])
async def test_a_run_whose_task_only_logs_metrics_counts_as_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    run_id, task_id = await new_run_and_task(site.api)
    artifact_id = await new_artifact(site.api, run_id, task_id, type="Metric", number_value=1.0)
    before = await changed_at(site, run_id)
    monkeypatch.setattr(metrics, "ALIVE_SECONDS", 1e9)
    fields: dict[str, Any] = {"artifact_id": artifact_id, "number_value": 2.0}
    await site.api.UpdateArtifact(**fields, idempotency_key=key and f"{key} {run_id}")
    assert await changed_at(site, run_id) == before
    monkeypatch.setattr(metrics, "ALIVE_SECONDS", 1e-6)
    await site.api.UpdateArtifact(**fields, idempotency_key=key and f"other {key} {run_id}")
    assert await changed_at(site, run_id) > before


async def test_a_run_that_has_ended_stays_as_it_is(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await new_run(site.api)
    root_id = await new_task(site.api, run_id, "ROOT", type="ROOT")
    artifact_id = await new_artifact(site.api, run_id, root_id, type="Metric", number_value=1.0)
    await site.api.UpdateTask(run_id=run_id, task_id=root_id, task={"state": "SUCCEEDED"})
    before = await changed_at(site, run_id)
    monkeypatch.setattr(metrics, "ALIVE_SECONDS", 1e-6)
    await site.api.UpdateArtifact(artifact_id=artifact_id, number_value=2.0)
    assert await changed_at(site, run_id) == before


@pytest.mark.databases("postgresql", "mysql")  # on SQLite, whoever holds a run keeps all other writers waiting
async def test_a_change_does_not_wait_for_a_run_that_somebody_holds(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, task_id = await new_run_and_task(site.api)
    artifact_id = await new_artifact(site.api, run_id, task_id, type="Metric", number_value=1.0)
    monkeypatch.setattr(metrics, "ALIVE_SECONDS", 1e-6)
    async with somebody_holding(site.url, run_id, task_id):
        answer = await site.api.UpdateArtifact(artifact_id=artifact_id, number_value=2.0, timeout_seconds=5)
    assert answer.number_value == 2.0


async def test_a_change_takes_two_statements_however_long_the_series(
    api: Api, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "ALIVE_SECONDS", 1e9)
    artifact_id = await a_metric(api)
    for count in (1, 10, 1000):
        statements.clear()
        await update(api, artifact_id, *[0.5] * count)
        assert statements.count == 2


async def test_a_long_series_is_read_in_a_helper_process(api: Api, helped: list[str]) -> None:
    artifact_id = await a_metric(api)
    answer = await update(api, artifact_id, *[0.123456789] * 10_000, number=0.5, points=1_000_000)
    assert (answer.points, helped) == (1_000_000, ["_read"])
    refused = await refusal(update(api, artifact_id, *[0.5] * 9_999, "x", points=1_000_001))
    assert "metadata.series[9999].value" in refused.message


async def test_a_metric_is_changed_over_rest(site: Site) -> None:
    artifact_id = await a_metric(site.api)
    path = f"/apis/lineal/v1/artifacts/{artifact_id}"
    answer = await ask(site.rest, "PATCH", path, {"metadata": a_series(1.0, "NaN"), "number_value": 1.0})
    assert (answer.status, answer.json["points"], answer.json["number_value"]) == (200, "2", 1)
    refused = await ask(site.rest, "PATCH", path, {"metadata": a_series(1.0)})
    assert (refused.status, refused.json["details"][0]["reason"]) == (400, "SHORTER_SERIES")
    refused = await ask(site.rest, "PATCH", path, {"number_value": "NaN"})
    assert refused.status == 400
    assert len((await stored(site.api, artifact_id)).metadata["series"].list_value.values) == 2
