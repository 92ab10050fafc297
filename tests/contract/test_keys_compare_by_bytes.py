"""Two texts are the same key when their bytes are, on every database: no case, accent, width or trailing space is ignored."""

from collections.abc import Sequence

import pytest

from storage.fields import ARTIFACT_LIST, ARTIFACTS, TASK_LIST, TASKS
from storage.filters import Operation, Predicate
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_link, a_run, a_task, an_artifact, an_experiment, keep
from tests.contract.listings import listing
from tests.contract.uris import with_uri

ALIKE = [
    "a",
    "A",
    "a ",
    " a",
    "a\t",
    "a\n",
    "ä",
    "a\u0308",
    "é",
    "e\u0301",
    "e",
    "ß",
    "ss",
    "SS",
    "ﬁ",
    "fi",
    "ａ",
    "I",
    "ı",
    "İ",
    "😀",
    "😁",
    "😀\ufe0f",
    "a\u200d",
    "%",
    "_",
    "a%",
    "a_",
    "\\",
    "\\a",
    "'",
    '"',
    "\x01",
    "\U0010ffff",
]
"""Texts that some collation or some quoting takes for one another."""


async def test_ids_compare_by_bytes(store: SqlStore) -> None:
    artifacts = [an_artifact(id=text, name=f"{number}") for number, text in enumerate(ALIKE)]
    runs = [a_run(id=text, display_name=f"{number}") for number, text in enumerate(ALIKE)]
    tasks = [a_task(run.id, id=run.id, name=run.display_name) for run in runs]
    await keep(store, *artifacts, *runs, *tasks)
    for artifact, run, task in zip(artifacts, runs, tasks, strict=True):
        assert await store.read(lambda tx, id=artifact.id: tx.artifacts.get(id)) == artifact
        assert await store.read(lambda tx, id=run.id: tx.runs.get(id, with_spec=False)) == run
        assert await store.read(lambda tx, id=task.id: tx.tasks.get(id)) == task
    assert len(await store.read(lambda tx: tx.tasks.heads(ALIKE))) == len(ALIKE)


async def test_scopes_compare_by_bytes(store: SqlStore) -> None:
    runs = [a_run(id=text, namespace=text, experiment_id=text) for text in ALIKE]
    await keep(store, *runs, *(a_task(run.id) for run in runs), *(an_artifact(namespace=text) for text in ALIKE))
    for text in ALIKE:
        assert await store.read(lambda tx, text=text: tx.runs.task_counts([text])) == {text: 1}
        pages = [
            await store.read(lambda tx, text=text: tx.artifacts.list(listing(ARTIFACT_LIST), namespace=text)),
            await store.read(lambda tx, text=text: tx.tasks.list(listing(TASK_LIST), run_id=text, parent_task_id=None)),
        ]
        assert [page.total_size for page in pages] == [1, 1]


async def test_names_compare_by_bytes(store: SqlStore) -> None:
    experiments = [an_experiment(name=text, namespace="n") for text in ALIKE]
    spaces = [an_experiment(name="n", namespace=text) for text in ALIKE]
    await keep(store, *experiments, *spaces)
    for experiment in (*experiments, *spaces):
        assert await store.read(lambda tx, id=experiment.id: tx.experiments.get(id)) == experiment


async def test_uris_compare_by_bytes(store: SqlStore) -> None:
    artifacts = [an_artifact(**with_uri(text)) for text in ALIKE]
    await keep(store, *artifacts)
    for artifact in artifacts:
        match = await store.read(lambda tx, uri=artifact.uri: tx.artifacts.find_by_uri("", uri))
        assert list(match) == [artifact]


async def test_identities_compare_by_bytes(store: SqlStore) -> None:
    artifacts = [an_artifact(identity_key=text, namespace="n") for text in ALIKE]
    for artifact in artifacts:
        assert await store.write(lambda tx, artifact=artifact: tx.artifacts.create_unique(artifact)) == artifact
    for artifact in artifacts:
        match = await store.read(lambda tx, key=artifact.identity_key: tx.artifacts.find_by_identity("n", key))
        assert match == artifact


async def test_logical_keys_compare_by_bytes(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    for text in ALIKE:
        task = a_task(run.id, logical_key=text)
        assert await store.write(lambda tx, task=task: tx.tasks.create(task)) == task


async def test_fingerprints_compare_by_bytes(store: SqlStore) -> None:
    run = a_run()
    tasks = [a_task(run.id, cache_fingerprint=text, state=2, namespace="n") for text in ALIKE]
    await keep(store, run, *tasks)
    for task in tasks:
        match = await store.read(lambda tx, text=task.cache_fingerprint: tx.tasks.find_cached(text, "n"))
        assert match == task


async def test_link_keys_compare_by_bytes(store: SqlStore) -> None:
    task, artifact = await a_kept_task(store), an_artifact()
    await keep(store, artifact)
    links = [a_link(task, artifact, key=text) for text in ALIKE]
    assert await store.write(lambda tx: tx.artifact_tasks.create(links)) == links


async def matching(store: SqlStore, column: str, operation: Operation, *values: str) -> list[str | None]:
    predicate = Predicate(ARTIFACTS[column], operation, values)
    page = await store.read(
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, predicates=(predicate,)), namespace=None)
    )
    return [getattr(artifact, column) for artifact in page.rows]


@pytest.mark.parametrize("column", ["name", "description", "uri", "metadata"])
async def test_filters_compare_by_bytes(store: SqlStore, column: str) -> None:
    def made(text: str) -> dict[str, str]:
        return with_uri(text) if column == "uri" else {column: text}

    await keep(store, *(an_artifact(**made(text)) for text in ALIKE))
    for text in ALIKE:
        others = [other for other in ALIKE if other != text]
        assert await matching(store, column, Operation.EQUALS, text) == [text]
        assert await matching(store, column, Operation.NOT_EQUALS, text) == others
        holders = [other for other in ALIKE if text in other]
        assert await matching(store, column, Operation.IS_SUBSTRING, text) == holders
    assert await matching(store, column, Operation.IN, *ALIKE[::2]) == ALIKE[::2]


async def test_filters_order_text_by_bytes(store: SqlStore) -> None:
    await keep(store, *(an_artifact(name=text) for text in ALIKE))
    for text in ALIKE:
        below = [other for other in ALIKE if other.encode() < text.encode()]
        assert await matching(store, "name", Operation.LESS_THAN, text) == below
        assert set(await matching(store, "name", Operation.GREATER_THAN_EQUALS, text)) == set(ALIKE) - set(below)


async def test_a_row_must_satisfy_every_predicate(store: SqlStore) -> None:
    run = a_run()
    tasks = [a_task(run.id, name=name, state=state) for name in ("a", "b") for state in (1, 2)]
    await keep(store, run, *tasks)

    async def listed(*predicates: Predicate) -> Sequence[object]:
        tasks_like = listing(TASK_LIST, predicates=predicates)
        return (await store.read(lambda tx: tx.tasks.list(tasks_like, run_id=run.id, parent_task_id=None))).rows

    name = Predicate(TASKS["name"], Operation.EQUALS, ("a",))
    state = Predicate(TASKS["status"], Operation.IN, (2, 3))
    assert await listed(name) == tasks[:2]
    assert await listed(name, state) == [tasks[1]]
    assert await listed(name, Predicate(TASKS["status"], Operation.IN, ())) == []


async def test_values_are_taken_literally_whatever_they_say(store: SqlStore) -> None:
    nasty = [
        "'; DROP TABLE artifacts; --",
        "%(name)s",
        "%s",
        ":name",
        "$1",
        "?",
        "{}",
        "\\'",
        "\\\\",
        "\\%",
        "`",
        "/*",
        "--",
    ]
    artifacts = [an_artifact(name=text, description=text * 3) for text in nasty]
    await keep(store, *artifacts)
    for artifact in artifacts:
        assert await matching(store, "name", Operation.EQUALS, artifact.name) == [artifact.name]
        assert artifact.description in await matching(store, "description", Operation.IS_SUBSTRING, artifact.name)
