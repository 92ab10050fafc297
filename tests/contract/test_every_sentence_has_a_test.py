"""Each sentence of storage/contract is the name of a test in this folder, word for word."""

import ast
import re
from collections import Counter
from pathlib import Path

CONTRACT = Path(__file__).parents[2] / "storage" / "contract"


def promises(source: str) -> list[str]:
    """The sentences of all docstrings but the module's, a property's, and but the first line of a class."""
    result = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            continue  # a property: its docstring names a table
        if isinstance(node, ast.ClassDef | ast.AsyncFunctionDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                text = text.partition("\n")[2]
            result += [sentence.strip() for sentence in re.split(r"\.(?:\s+|$)", text) if sentence.strip()]
    return result


def all_promises() -> list[str]:
    """The sentences of the whole contract."""
    return [sentence for file in sorted(CONTRACT.glob("*.py")) for sentence in promises(file.read_text())]


def name_of(sentence: str) -> str:
    """The name of the test of a sentence."""
    return "test_" + re.sub(r"[^a-z0-9]+", "_", sentence.replace("'", "").lower()).strip("_")


def names_of_tests() -> set[str]:
    """The names of all tests in this folder."""
    result = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                result.add(node.name)
    return result


def test_every_sentence_of_the_contract_has_a_test() -> None:
    expected = {name_of(sentence) for sentence in all_promises()}
    assert len(expected) > 50
    assert expected - names_of_tests() == set()


def test_no_two_sentences_of_the_contract_share_a_test() -> None:
    counted = Counter(name_of(sentence) for sentence in all_promises())
    assert [name for name, count in counted.items() if count > 1] == []


def test_a_sentence_is_told_from_the_first_line_of_its_class() -> None:
    source = (
        'class Store:\n    """A store.\n\n    It\'s kept. Twice is fine."""\n    def get(self):\n        """Gets."""\n'
    )
    assert [name_of(sentence) for sentence in promises(source)] == ["test_its_kept", "test_twice_is_fine", "test_gets"]
