"""Stores on MariaDB and PostgreSQL are read like files, with their text as it was meant."""

import json
from collections import Counter
from urllib.parse import urlsplit, urlunsplit

import pytest

from migrations.mlmd.read.store import open_store
from migrations.mlmd.read.text_repair import is_double_encoded, repaired
from migrations.mlmd.vocabulary.errors import SourceRefused
from tests.mlmd.copies import copy_to_mysql, copy_to_postgresql, execute, restore_dump
from tests.mlmd.reading import STORES, Imported, read_all, store_url

on_mysql = pytest.mark.databases("mysql")
on_postgresql = pytest.mark.databases("postgresql")
on_servers = pytest.mark.databases("postgresql", "mysql")


def pairs_of(imported: Imported) -> Counter[tuple[object, ...]]:
    """What the tasks of a store are, leaving out ids and times, which differ from recording to recording."""
    return Counter(
        (
            task.scope_path,
            task.display_name,
            task.namespace,
            task.type,
            task.state,
            task.type_attributes,
            task.input_parameters,
            task.output_parameters,
        )
        for task in imported.tasks
    )


def metadata_of(imported: Imported) -> Counter[tuple[object, ...]]:
    return Counter((a.name, a.type, a.namespace, a.number_value, a.metadata) for a in imported.artifacts.values())


async def cases_of(url: str) -> Counter[tuple[str, str, str]]:
    """Every case of the findings of a survey: rule, kind and example."""
    cases = Counter[tuple[str, str, str]]()
    async with open_store(url) as store:
        async for found in store.survey_cases():
            cases.update((one.rule.name, one.kind, case) for one in found for case in one.examples)
        counts = Counter({(one.rule.name, one.kind): one.count for one in store.survey.findings})
    assert Counter(case[:2] for case in cases.elements()) == counts
    return cases


@on_servers
@pytest.mark.parametrize("name", ["tfx_like", "damaged_dangling_events", "damaged_missing_types"])
async def test_every_case_of_a_survey_is_listed_as_from_a_file(database_url: str, name: str) -> None:
    copy = copy_to_mysql if database_url.startswith("mysql") else copy_to_postgresql
    copy(STORES / f"{name}.sqlite", database_url)
    assert await cases_of(database_url) == await cases_of(store_url(name)) != Counter()


@on_mysql
@pytest.mark.parametrize("character_set", ["utf8mb4", "latin1"])
async def test_text_that_mlmd_encoded_twice_is_read_as_it_was_meant(database_url: str, character_set: str) -> None:
    restore_dump(database_url, character_set=character_set)
    imported = await read_all(database_url)
    wanted = await read_all(store_url("kfp_main"))
    assert pairs_of(imported) == pairs_of(wanted)
    assert metadata_of(imported) == metadata_of(wanted)
    assert imported.counts() == wanted.counts()
    inputs = json.loads(imported.tasks[0].input_parameters or "")
    assert {"tráin"} == {entry["value"] for entry in inputs if entry["parameterKey"] == "label"}
    labels = {json.loads(a.metadata or "{}").get("label") for a in imported.artifacts.values() if a.name == "data"}
    assert labels == {"tráin", "emoji 🚀 ünï", "x"}


@on_mysql
@pytest.mark.parametrize(
    ("table", "column", "where"),
    [
        ("ArtifactProperty", "name", "name = 'rows'"),
        ("EventPath", "step_key", "event_id = 1"),
        ("Type", "name", "name = 'system.Model'"),
    ],
)
async def test_text_is_repaired_where_names_alone_have_it(
    database_url: str, table: str, column: str, where: str
) -> None:
    restore_dump(database_url)
    beyond_ascii = "OCTET_LENGTH(string_value) <> CHAR_LENGTH(string_value)"
    for properties in ("ContextProperty", "ArtifactProperty", "ExecutionProperty"):
        execute(database_url, f"UPDATE {properties} SET string_value = 'x' WHERE {beyond_ascii}")
    execute(database_url, f"UPDATE {table} SET {column} = 'grÃ¶ÃŸe' WHERE {where}")
    imported = await read_all(database_url)
    kept = [*imported.tasks, *imported.links, *imported.artifacts.values()]
    assert "größe" in repr(kept)
    assert "Ã" not in repr(kept)


@on_mysql
async def test_text_that_was_encoded_once_is_left_alone(database_url: str) -> None:
    copy_to_mysql(STORES / "kfp_main.sqlite", database_url)
    imported, wanted = await read_all(database_url), await read_all(store_url("kfp_main"))
    assert imported.tasks == wanted.tasks
    assert imported.artifacts == wanted.artifacts


@on_mysql
async def test_a_text_that_does_not_decode_is_kept(database_url: str) -> None:
    restore_dump(database_url)
    odd = "UPDATE ArtifactProperty SET string_value = 'só' WHERE artifact_id = 1 AND name = 'label'"
    execute(database_url, odd)
    imported = await read_all(database_url)
    labels = {json.loads(a.metadata or "{}").get("label") for a in imported.artifacts.values() if a.name == "data"}
    assert labels == {"tráin", "só", "emoji 🚀 ünï", "x"}


@on_postgresql
@pytest.mark.parametrize("name", ["kfp_main", "tfx_like", "schema_v6", "damaged_nulls"])
async def test_a_store_on_postgresql_is_read_as_from_a_file(database_url: str, name: str) -> None:
    copy_to_postgresql(STORES / f"{name}.sqlite", database_url)
    imported, wanted = await read_all(database_url), await read_all(store_url(name))
    assert [run.run for run in imported.runs] == [run.run for run in wanted.runs]
    assert imported.tasks == wanted.tasks
    assert imported.links == wanted.links
    assert imported.artifacts == wanted.artifacts
    assert imported.counts() == wanted.counts()


@on_servers
async def test_a_wrong_password_is_refused_with_one_sentence(database_url: str) -> None:
    parts = urlsplit(database_url)
    wrong = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}"))
    with pytest.raises(SourceRefused) as refusal:
        await read_all(wrong)
    assert "refuses the password of this user, or does not know the user" in str(refusal.value)
    assert "wrong" not in str(refusal.value)


@on_servers
async def test_a_server_that_is_not_there_is_refused_with_one_sentence(database_url: str) -> None:
    parts = urlsplit(database_url)
    nowhere = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{parts.hostname}:9"))
    with pytest.raises(SourceRefused) as refusal:
        await read_all(nowhere)
    assert str(refusal.value).endswith(" cannot be reached: nothing listens on port 9 of 127.0.0.1")
    assert parts.password is not None
    assert parts.password not in str(refusal.value)


@on_servers
async def test_a_database_without_a_store_is_refused(database_url: str) -> None:
    with pytest.raises(SourceRefused) as refusal:
        await read_all(database_url)
    assert str(refusal.value).endswith("is not an MLMD store: it lacks MLMD's tables")


@on_servers
async def test_no_connection_is_held_between_batches(database_url: str) -> None:
    copy = copy_to_mysql if database_url.startswith("mysql") else copy_to_postgresql
    copy(STORES / "kfp_main.sqlite", database_url)
    async with open_store(database_url) as store:
        batches = [batch.last_context_id async for batch in store.runs(executions_per_batch=1)]
        assert len(batches) == 16
        assert [batch.last_context_id async for batch in store.runs(after=batches[13])] == batches[-1:]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("trÃ¡in", "tráin"),
        ("â˜ƒ", "☃"),
        ("ðŸš€", "🚀"),
        ("Ã\x81", "Á"),
        ("tráin", "tráin"),
        ("☃", "☃"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_only_text_that_decodes_again_is_repaired(text: str, meant: str) -> None:
    assert repaired(text) == meant


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        (["trÃ¡in"], True),
        (["tráin"], False),
        (["trÃ¡in", "tráin", "Ã¼"], True),
        (["trÃ¡in", "tráin"], False),
        (["plain"], False),
        ([], False),
    ],
)
def test_most_texts_decide_whether_a_store_is_encoded_twice(samples: list[str], verdict: bool) -> None:
    assert is_double_encoded(samples) is verdict
