"""What a report of an artifact reads by ids, without what is longer than is asked for."""

import json
from typing import Any

from storage.artifact_report import BranchTask, SpecText, TaskInputs
from storage.digests import spec_id
from storage.ids import new_id
from storage.sql.store import SqlStore
from tests.contract.builders import (
    MOMENT,
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)

NOT_IDS = ("\x00", "", "x" * 300)


async def test_a_reported_artifact_comes_with_its_metadata_unless_they_are_longer_than_so_many_characters(
    store: SqlStore,
) -> None:
    artifact = an_artifact(name="model", uri="s3://b/x", uri_hash="h", metadata='{"a":"äö"}', number_value=0.5)
    bare = an_artifact()
    await keep(store, artifact, bare)
    whole, cut, empty = [
        await store.read(lambda tx, id=id, count=count: tx.artifact_report.artifact(id, characters=count))  # type: ignore[misc]
        for id, count in ((artifact.id, 10), (artifact.id, 9), (bare.id, 9))
    ]
    assert (whole.metadata, whole.metadata_characters) == ('{"a":"äö"}', 10)
    assert (cut.metadata, cut.metadata_characters) == (None, 10)
    assert (empty.metadata, empty.metadata_characters) == (None, 0)
    node = whole.node
    assert (node.id, node.name, node.uri, node.number_value, node.uri_hash) == (
        artifact.id,
        "model",
        "s3://b/x",
        0.5,
        "h",
    )
    assert (node.created_at, whole.updated_at) == (MOMENT, MOMENT)


async def test_its_description_is_cut_after_so_many_characters(store: SqlStore) -> None:
    artifact = an_artifact(description="schön ist das")
    await keep(store, artifact)
    found = await store.read(lambda tx: tx.artifact_report.artifact(artifact.id, characters=5))
    assert found is not None
    assert (found.description, found.description_characters) == ("schön", 13)


async def test_an_artifact_that_does_not_exist_is_not_reported(store: SqlStore) -> None:
    for id in (new_id(), *NOT_IDS):
        assert await store.read(lambda tx, id=id: tx.artifact_report.artifact(id, characters=9)) is None  # type: ignore[misc]


async def branch_of(store: SqlStore, task_id: str, levels: int = 9) -> list[BranchTask]:
    return list(await store.read(lambda tx: tx.artifact_report.branch(task_id, levels=levels)))


async def test_a_task_comes_with_the_groups_around_it_the_nearest_first_at_most_so_many(store: SqlStore) -> None:
    run = a_run()
    root = a_task(run.id, name="ROOT", type=1)
    loop = a_task(run.id, name="loop", type=5, parent_task_id=root.id)
    attributes = '{"iterationIndex":"2"}'
    times = {"started_at": MOMENT + 1, "finished_at": MOMENT + 2}
    task = a_task(run.id, name="train", parent_task_id=loop.id, type_attributes=attributes, **times)
    await keep(store, run, root, loop, task, a_task(run.id, parent_task_id=loop.id))
    found = await branch_of(store, task.id)
    assert [each.name for each in found] == ["train", "loop", "ROOT"]
    assert (found[0].type_attributes, found[0].started_at, found[0].finished_at) == (attributes, MOMENT + 1, MOMENT + 2)
    assert [each.name for each in await branch_of(store, task.id, levels=1)] == ["train", "loop"]
    assert [each.name for each in await branch_of(store, task.id, levels=0)] == ["train"]
    assert [await branch_of(store, id) for id in (new_id(), *NOT_IDS)] == [[]] * 4


async def test_groups_around_each_other_come_once(store: SqlStore) -> None:
    run, ids = a_run(), [new_id() for _ in range(3)]
    groups = [a_task(run.id, id=id, parent_task_id=ids[n - 1]) for n, id in enumerate(ids)]
    alone = a_task(run.id, id=(own := new_id()), parent_task_id=own)
    await keep(store, run, *groups, alone)
    assert [each.id for each in await branch_of(store, ids[0], levels=100)] == [ids[0], ids[2], ids[1]]
    assert [each.id for each in await branch_of(store, own)] == [own]


async def test_inputs_of_tasks_come_unless_they_are_longer_than_so_many_characters(store: SqlStore) -> None:
    run = a_run()
    tasks = [a_task(run.id, input_parameters=text) for text in ("[1]", '["ä"]', '["long"]', None)]
    await keep(store, run, *tasks)
    ids = [*(task.id for task in tasks), new_id(), *NOT_IDS]
    found = await store.read(lambda tx: tx.artifact_report.inputs_of_tasks(ids, characters=5))
    assert [found.get(id) for id in ids] == [
        TaskInputs("[1]", 3),
        TaskInputs('["ä"]', 5),
        TaskInputs(None, 8),
        TaskInputs(None, 0),
        *[None] * 4,
    ]
    assert await store.read(lambda tx: tx.artifact_report.inputs_of_tasks([], characters=5)) == {}


async def reported(store: SqlStore, run_id: str, characters: int = 99) -> Any:
    return await store.read(lambda tx: tx.artifact_report.run(run_id, characters=characters))


async def test_a_run_comes_with_the_names_of_its_experiment_pipeline_and_version(store: SqlStore) -> None:
    experiment, pipeline = an_experiment(name="daily"), a_pipeline(name="churn", display_name="Churn")
    version = a_version(pipeline.id, name="v3")
    spec = json.dumps({"spec": new_id()})
    ids = {"experiment_id": experiment.id, "pipeline_id": pipeline.id, "pipeline_version_id": version.id}
    run = a_run(display_name="churn 1", state="FAILED", finished_at=MOMENT + 5, pipeline_spec=spec, **ids)
    lost = a_run(experiment_id=new_id(), pipeline_id=new_id(), pipeline_version_id="")
    await keep(store, experiment, pipeline, version, run, lost)
    found = await reported(store, run.id)
    assert (found.experiment_name, found.pipeline_name, found.pipeline_version_name) == ("daily", "Churn", "v3")
    assert (found.id, found.display_name, found.state, found.finished_at) == (run.id, "churn 1", "FAILED", MOMENT + 5)
    assert (found.experiment_id, found.pipeline_id, found.pipeline_version_id) == tuple(ids.values())
    assert found.spec_id == spec_id(spec)
    found = await reported(store, lost.id)
    assert (found.experiment_name, found.pipeline_name, found.pipeline_version_name, found.spec_id) == (
        "",
        "",
        "",
        None,
    )


async def test_a_run_that_does_not_exist_is_not_reported(store: SqlStore) -> None:
    assert [await reported(store, id) for id in (new_id(), *NOT_IDS)] == [None] * 4


async def test_a_reported_run_comes_with_its_runtime_configuration_unless_that_is_longer_than_so_many_characters(
    store: SqlStore,
) -> None:
    run, bare = a_run(runtime_config='{"ä":1}'), a_run()
    await keep(store, run, bare)
    found = [await reported(store, id, count) for id, count in ((run.id, 7), (run.id, 6), (bare.id, 6))]
    texts = [(each.runtime_config, each.runtime_config_characters) for each in found]
    assert texts == [('{"ä":1}', 7), (None, 7), (None, 0)]


async def test_a_specification_is_read_unless_it_is_longer_than_so_many_characters(store: SqlStore) -> None:
    spec = json.dumps({"ä": new_id()}, ensure_ascii=False)
    id = spec_id(spec)
    assert id is not None
    await keep(store, a_run(pipeline_spec=spec))
    for count, text in ((len(spec), spec), (len(spec) - 1, None)):
        found = await store.read(lambda tx, count=count: tx.artifact_report.spec(id, characters=count))  # type: ignore[misc]
        assert found == SpecText(text, len(spec))


async def test_an_unknown_specification_is_not_read(store: SqlStore) -> None:
    for id in ("0" * 64, *NOT_IDS):
        assert await store.read(lambda tx, id=id: tx.artifact_report.spec(id, characters=9)) is None  # type: ignore[misc]
