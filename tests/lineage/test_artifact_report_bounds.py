"""GetArtifactReport: callers that see one namespace, artifacts that much has used, and images in specifications."""

import asyncio
import json
from typing import Any

import pytest
from lineal.v1 import lineage_pb2

from server.app import APIS
from server.calls.call import Shared
from server.calls.caller import Caller
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.config import Settings
from server.rules.artifact_report import images as images_module
from server.rules.artifact_report.images import Images, SpecImages
from server.rules.artifact_report.report import CONSUMERS_MAX, read_report
from storage.model import ArtifactType, TaskState, TaskType
from storage.pages import PageTokens
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_run, a_task, an_artifact, keep
from tests.contract.watching import statements
from tests.lineage.test_artifact_report import SPEC
from tests.lineage.test_get_lineage import Confined
from tests.lineage.world import World

pytestmark = pytest.mark.one_database


async def confined(store: SqlStore, url: str, namespace: str, artifact_id: str) -> Any:
    """The outcome of a report for a caller that may see one namespace."""
    (method,) = (m for api in APIS for m in api.served() if m.name == "ArtifactReportService.GetArtifactReport")
    assert isinstance(method, Method)
    shared = Shared(store=store, tokens=PageTokens(b"key"), settings=Settings(store=url))
    dispatcher = Dispatcher(shared, Confined(namespace))
    return await dispatcher.dispatch(method, method.request(artifact_id=artifact_id), Caller("test"))


async def test_what_a_caller_may_not_see_is_hidden(store: SqlStore, migrated_url: str) -> None:
    world = World()
    for name in ("mine", "theirs"):
        world.run(name, namespace=name)
    metric = {"type": ArtifactType.Metric.value, "number_value": 1.0}
    for name in ("model", "shared", "given"):
        world.artifact(name, namespace="mine", description="")
    world.artifact("secret", namespace="theirs")
    world.artifact("secret metric", namespace="theirs", **metric)
    world.artifact("other secret metric", namespace="theirs", **metric)
    theirs = {"run": "theirs", "namespace": "theirs"}
    world.task("hidden maker", makes=["given", "shared"], **theirs)
    world.task("mine too", makes=["shared"], takes=["secret", "given"], run="mine", namespace="mine")
    world.task("test", takes=["shared"], makes=["secret metric"], run="mine", namespace="mine")
    world.task("aside", makes=["other secret metric"], run="mine", namespace="mine")
    await world.keep(store)

    async def of(name: str) -> Any:
        return await confined(store, migrated_url, "mine", world.artifacts[name].id)

    assert (await of("secret")).status.code.name == "NOT_FOUND"
    given = (await of("given")).answer
    [maker] = given.makers
    assert maker.task == lineage_pb2.Node(ref=f"task/{world.tasks['hidden maker'].id}", type="hidden")
    assert (maker.HasField("run"), given.HasField("recipe"), given.artifact.run) == (False, False, "")
    shared = (await of("shared")).answer
    # The first that may be seen has the recipe, though another one is older.
    assert [each.task.name for each in shared.makers] == ["mine too", ""]
    made = shared.recipe
    inputs = [each.source for each in made.inputs]
    hidden = lineage_pb2.Node(ref=f"artifact/{world.artifacts['secret'].id}", type="hidden")
    assert hidden in [each.artifact for each in inputs]
    [known] = [each for each in inputs if each.artifact.name == "given"]
    assert (known.task.type, known.HasField("run"), known.artifact.run) == ("hidden", False, "")
    assert (len(made.metrics), len(made.run_metrics)) == (0, 0)
    for word in (b"hidden maker", b"theirs", b"secret", world.runs["theirs"].id.encode()):
        assert word not in shared.SerializeToString() + given.SerializeToString()


async def test_an_artifact_that_much_has_used_takes_as_many_statements_as_any(store: SqlStore) -> None:
    world = World()
    world.artifact("hub", uri="s3://b/hub")
    world.artifact("other", uri="s3://b/other")
    for name in ("hub", "other"):
        world.task(f"make {name}", makes=[name], run=name)
    await world.keep(store)
    run, hub = world.run("hub"), world.artifacts["hub"]
    users = [a_task(run.id, name="use", type=TaskType.RUNTIME.value) for _ in range(2 * CONSUMERS_MAX + 100)]
    cached = {"type": TaskType.RUNTIME.value, "state": TaskState.CACHED.value}
    finders = [a_task(run.id, name="found", **cached) for _ in range(150)]
    metrics = [an_artifact(type=ArtifactType.Metric.value, number_value=1.0) for _ in users[:100]]

    async def write(tx: Any) -> None:
        for task in (*users, *finders):
            await tx.tasks.create(task)
        await tx.artifacts.create(metrics)
        links = [a_link(task, hub, type=3) for task in users] + [a_link(task, hub) for task in finders]
        await tx.artifact_tasks.create([*links, *map(a_link, users, metrics)])

    await store.write(write)
    counts, images = {}, SpecImages()
    for name in ("other", "hub"):
        id = world.artifacts[name].id
        with statements(store) as log:
            found = await store.read(lambda tx, id=id: read_report(tx, images, id, None))  # type: ignore[misc]
        counts[name] = len(log)
    assert (found.consumers, found.has_more_consumers) == (CONSUMERS_MAX, True)
    assert (len(found.others), found.has_more_others) == (20, True)
    assert found.recipe is not None
    assert found.recipe.metrics
    # Nodes of tasks and artifacts are read with the metrics; SQLite asks for 64 keys at once.
    assert counts["hub"] <= counts["other"] + 4
    assert counts["other"] <= 17


async def test_a_specification_is_read_once(store: SqlStore) -> None:
    world = World()
    text = json.dumps(SPEC)
    world.run("run", pipeline_spec=text)
    world.task("sweep", type=TaskType.LOOP)
    world.task("train", makes=["model"], parent_task_id=world.tasks["sweep"].id)
    await world.keep(store)
    id, specs = world.artifacts["model"].id, SpecImages()

    async def read() -> tuple[str, bool]:
        with statements(store) as log:
            found = await store.read(lambda tx: read_report(tx, specs, id, None))
        assert found.recipe is not None
        assert found.recipe.run is not None
        images = await specs.images(found.recipe.run.spec_id, found.recipe.spec)
        path = [task.name for task, _ in found.recipe.path]
        return images.of_task(path), any("pipeline_specs" in each.text for each in log)

    assert await read() == ("registry/train:1", True)
    assert await read() == ("registry/train:1", False)


async def test_a_specification_that_is_too_long_is_read_by_nobody(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_module, "SPEC_CHARACTERS_MAX", 10)
    run = a_run(pipeline_spec=json.dumps(SPEC))
    await keep(store, run)
    specs = SpecImages()
    spec_id = (await store.read(lambda tx: tx.artifact_report.run(run.id, characters=9))).spec_id  # type: ignore[union-attr]
    for _ in range(2):
        read = await store.read(lambda tx: specs.read(tx, spec_id))
        assert (await specs.images(spec_id, read)).of_task(["sweep", "train"]) == ""
    assert isinstance(read, Images)


def test_images_are_found_in_either_form_of_names() -> None:
    snake = json.dumps({"pipeline_spec": SPEC, "platform_spec": {}}).replace("componentRef", "component_ref")
    snake = snake.replace("executorLabel", "executor_label").replace("deploymentSpec", "deployment_spec")
    for text in (json.dumps(SPEC), snake):
        assert Images.of(text).of_task(["sweep", "train"]) == "registry/train:1"


@pytest.mark.parametrize("path", [[], ["train"], ["sweep"], ["sweep", "other"], ["sweep", "train", "train"]])
def test_a_task_that_is_not_in_the_specification_has_no_image(path: list[str]) -> None:
    assert Images.of(json.dumps(SPEC)).of_task(path) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        '{"root":1,"components":[],"deploymentSpec":"x"}',
        '{"root":{"dag":{"tasks":{"sweep":{"componentRef":{"name":7}}}}},"components":{"7":null}}',
        '{"root":{"dag":{"tasks":{"sweep":{"componentRef":{"name":"a"}}}}},"components":{"a":{"executorLabel":"e"}},'
        '"deploymentSpec":{"executors":{"e":{"container":{"image":{}}}}}}',
    ],
)
def test_a_damaged_specification_has_no_images(text: str) -> None:
    assert Images.of(text).of_task(["sweep"]) == ""


def test_components_within_each_other_come_to_an_end() -> None:
    spec = {
        "root": {"dag": {"tasks": {"a": {"componentRef": {"name": "c"}}}}},
        "components": {"c": {"dag": {"tasks": {"a": {"componentRef": {"name": "c"}}}}}},
    }
    assert Images.of(json.dumps(spec)).of_task(["a"] * 1000) == ""


def test_what_is_kept_of_specifications_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "IMAGES_BYTES", 3_000)
    specs = SpecImages()
    size = Images.of(json.dumps(SPEC)).size_bytes
    assert 600 < size < 1_500

    async def keep_some() -> None:
        for number in range(9):
            await specs.images(str(number), images_module.SpecText(json.dumps(SPEC), 1))

    asyncio.run(keep_some())
    kept = [number for number in range(9) if specs._images.find(str(number)) is not None]
    assert 0 < len(kept) < 5
    assert kept[-1] == 8
