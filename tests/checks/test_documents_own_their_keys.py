"""The keys of JSON columns are spelled in storage/documents only: whatever else reads or writes them calls the documents."""

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.checks.test_checks import CHECKOUT

DOCUMENTS = CHECKOUT / "storage" / "documents"
ROOTS = ("server", "storage", "migrations")
KEYED_CALLS = {"get", "pop", "setdefault"}

OTHER_MEANINGS = {
    "name": "columns, properties in MLMD, and names in pipeline specs, reports and answers",
    "state": "columns of runs and tasks, and of the state of an import",
    "type": "columns of MLMD, and types in answers of the old API",
    "value": "columns, forms of messages in JSON, and values of enums in specs",
}
"""Keys that are other things in most places."""

EXCEPTIONS = {
    ("migrations/mlmd/write/damage.py", "producer"): "the column of links",
    ("server/apis/kfp/codec/history.py", "message"): "a field of google.rpc.Status",
    ("server/calls/rpc_form.py", "message"): "a field of google.rpc.Status",
    ("server/rules/run_sweep.py", "message"): "a field of google.rpc.Status",
    ("server/rules/lineage/specified_inputs.py", "parameters"): "the inputs of a task in a specification",
    ("server/ui/run.py", "iteration"): "a field of a request, and of an address",
    ("server/demo/specs.py", "parameters"): "the inputs and outputs of a component in a specification",
    ("server/import_command.py", "error"): "the report of a command that failed",
}
"""Keys that are other things in one file."""


def keys_in(tree: ast.AST) -> Iterator[str]:
    """Yield the texts by which a module writes or reads entries of mappings."""
    for node in ast.walk(tree):
        nodes: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            nodes += node.keys
        elif isinstance(node, ast.Subscript):
            nodes.append(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KEYED_CALLS:
            nodes += node.args[:1]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)
        yield from (key.value for key in nodes if isinstance(key, ast.Constant) and isinstance(key.value, str))


def document_keys() -> set[str]:
    """Return the keys that the documents read and write."""
    keys = {key for file in DOCUMENTS.glob("*.py") for key in keys_in(ast.parse(file.read_text()))}
    # Annotations such as list["Plain"] are not keys.
    return {key for key in keys if key[0].islower()}


def spelled_keys(source: str, keys: set[str]) -> set[str]:
    """Return the keys that a module spells.

    Keys of several words mean nothing else, so they count in any text, also in one such as '"pipelineRoot":' that JSON is
    put together from.
    """
    tree = ast.parse(source)
    spelled = keys.intersection(keys_in(tree))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    unambiguous = {key for key in keys if not key.islower()}
    return spelled | {key for key in unambiguous for text in texts if text == key or f'"{key}"' in text}


def occurrences(sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return each file outside storage/documents that spells a key, with the key."""
    keys = document_keys()
    return {(file, key) for file, source in sources.items() for key in spelled_keys(source, keys)}


def sources() -> dict[str, str]:
    """Return the modules that could spell keys, by path."""
    files = [file for root in ROOTS for file in (CHECKOUT / root).rglob("*.py") if DOCUMENTS not in file.parents]
    return {file.relative_to(CHECKOUT).as_posix(): file.read_text() for file in files}


def test_the_documents_have_the_keys_of_every_column() -> None:
    columns = {
        "histories": {"updateTime", "state", "error"},
        "parameters": {"value", "type", "parameterKey", "producer", "taskName", "iteration"},
        "runs": {"parameters", "pipelineRoot"},
        "pods": {"name", "uid", "type"},
        "status metadata": {"message", "customProperties"},
        "type attributes": {"iterationIndex", "iterationCount", "downloadToWorkspace"},
    }
    assert document_keys() == {key for keys in columns.values() for key in keys}


def test_no_other_module_spells_a_key() -> None:
    spelled = {pair for pair in occurrences(sources()) if pair[1] not in OTHER_MEANINGS}
    assert sorted(spelled - EXCEPTIONS.keys()) == []


def test_every_exception_is_needed() -> None:
    spelled = occurrences(sources())
    assert EXCEPTIONS.keys() <= spelled
    assert OTHER_MEANINGS.keys() <= {key for _, key in spelled}


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('entry = {"taskName": name}', "taskName"),
        ("entry = dict(taskName=name)", "taskName"),
        ('entry["updateTime"] = moment', "updateTime"),
        ('index = attributes.get("iterationIndex")', "iterationIndex"),
        ('iteration = producer.pop("iteration", None)', "iteration"),
        ('entry["producer"] = {}', "producer"),
        ('error = entry["error"]', "error"),
        ('labels = ("parameterKey", "type")', "parameterKey"),
        ("""text = f'{{"pipelineRoot":{root}}}'""", "pipelineRoot"),
    ],
)
def test_a_spelled_key_is_noticed(line: str, key: str) -> None:
    assert occurrences({"server/apis/kfp/codec/tasks.py": line}) - EXCEPTIONS.keys() == {
        ("server/apis/kfp/codec/tasks.py", key)
    }
