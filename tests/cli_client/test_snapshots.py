"""Every command in every format, against the store of the demo."""

import shlex

import pytest

from tests.cli_client import snapshots
from tests.cli_client.program import Lineal

pytestmark = pytest.mark.databases("sqlite")

MODEL = "uri=s3://models/churn/latest"

LISTS = {
    "runs": "runs list --filter 'name~churn and created_at>=2025-11-20'",
    "tasks": "tasks list 'churn 4'",
    "artifacts": f"artifacts list --filter '{MODEL}'",
    "experiments": "experiments list --filter 'name!=Default'",
    "pipelines": "pipelines list",
    "search": "search customers type:Dataset",
    "lineage": "lineage s3://models/value/latest --up --hops 2",
}
THINGS = {
    "run": "runs get 'churn 12'",
    "task": "tasks get register --run 'churn 12'",
    "artifact": "artifacts get s3://lake/churn/churn-12/best",
    "experiment": "experiments get churn",
    "pipeline": "pipelines get train-churn",
}
FORMATS = ("table", "json", "yaml", "csv", "ids")
OTHERS = {
    "runs-cut": "runs list --limit 2",
    "runs-columns": "runs list --column metric:auc --column param:learning_rate --filter 'name~churn' --limit 4",
    "runs-columns-csv": "runs list --column metric:auc --column param:learning_rate --limit 3 -o csv",
    "runs-of-experiment": "runs list --experiment 'customer value' --sort 'created_at asc'",
    "runs-view": "runs list --limit 1 --filter 'name=\"value 3\"' -o json --view runtime_only",
    "runs-none": "runs list --filter name=nothing",
    "runs-none-json": "runs list --filter name=nothing -o json",
    "runs-none-yaml": "runs list --filter name=nothing -o yaml",
    "run-running": "runs get 'churn 13'",
    "run-archived": "runs get 'churn 5'",
    "run-skipped": "runs get 'value 3'",
    "tasks-basic": "tasks list 'value 3' --view basic -o json --limit 2",
    "task-loop": "tasks get tune --run 'churn 4'",
    "artifact-imported": "artifacts get s3://lake/churn/churn-12/confusion.json",
    "tree-failed": "tree 'churn 12'",
    "tree-loop": "tree 'churn 4'",
    "tree-iterations": "tree 'churn 4' --iterations",
    "tree-running": "tree 'value 6'",
    "lineage-both": "lineage s3://lake/churn/churn-12/best --hops 2",
    "lineage-down": "lineage s3://lake/churn/churn-12/train.parquet --down --cached",
    "lineage-parameters": "lineage s3://lake/churn/churn-12/best --up --hops 1 --parameters",
    "compare": "compare 'churn 12' 'churn 11'",
    "compare-differences": "compare 'churn 12' 'churn 11' --differences -o csv",
    "compare-json": "compare 'churn 12' 'churn 11' --differences -o json",
    "compare-yaml": "compare 'value 1' 'value 2' --differences -o yaml",
    "watch-failed": "watch 'churn 12'",
    "watch-succeeded": "watch 'churn 11'",
    "search-kinds": "search churn-12 --kind artifact --limit 3",
    "search-none": "search nothing-is-called-this",
    "export": "export 'churn 13' 'churn 8'",
    "open": "open --print 'churn 12'",
    "open-home": "open --print",
    "open-artifact": "open --print artifact/ID",
    "missing-run": "runs get 'churn 99'",
    "missing-similar": "runs get 'customers night'",
    "ambiguous-task": "tasks get evaluate",
    "wrong-option": "runs list --colour red",
    "wrong-filter": "runs list --filter 'state=FAILED or name=x'",
    "wrong-key": "runs list --filter 'colour=red'",
    "wrong-sort": "runs list --sort colour",
    "wrong-limit": "runs list --limit 0",
    "wrong-format": "compare a b -o ids",
    "wrong-column": "runs list --column auc",
    "wrong-view": "runs list --view full",
    "wrong-compare": "compare 'churn 12' 'churn 12'",
}
CASES = {
    **{f"{name}-{format}": f"{words} -o {format}" for name, words in {**LISTS, **THINGS}.items() for format in FORMATS},
    **OTHERS,
}
"""The name of each snapshot, and the command."""


@pytest.mark.parametrize("name", CASES)
def test_a_command_prints_what_it_has_always_printed(name: str, lineal: Lineal, request: pytest.FixtureRequest) -> None:
    arguments = shlex.split(CASES[name])
    text = snapshots.text_of(arguments, lineal(*arguments))
    snapshots.check(name, text, write=request.config.getoption("--write-snapshots"))


def test_there_is_no_snapshot_without_a_command() -> None:
    assert {file.stem for file in snapshots.FOLDER.iterdir()} == set(CASES)


def test_another_word_would_be_noticed() -> None:
    kept = (snapshots.FOLDER / "tree-failed.txt").read_text()
    with pytest.raises(AssertionError, match=r"\+├─ splitting  ✓ succeeded"):
        snapshots.check("tree-failed", kept.replace("├─ split ", "├─ splitting "), write=False)
