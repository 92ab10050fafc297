"""A JSON file instead of KFP's own database: {"runs": […], "cache_tasks": […]}. The readers of `read` call this."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from migrations.mlmd.kfp.state import run_state
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun
from migrations.mlmd.vocabulary.values import integer_of
from storage.redaction import without_secrets


class RunsFile:
    """The runs in a file, by id and by the name of their workflow."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        fingerprints: dict[str, dict[int, str]] = {}
        for task in document.get("cache_tasks") or ():
            execution_id = integer_of(task.get("mlmdExecutionID"))
            if execution_id is not None and task.get("fingerprint"):
                fingerprints.setdefault(str(task.get("runId")), {})[execution_id] = str(task["fingerprint"])
        runs = [_run(entry, fingerprints) for entry in document.get("runs") or ()]
        self._by_name = {run.workflow_name: run for run in runs} | {run.id: run for run in runs}

    @classmethod
    def read(cls, path: str) -> "RunsFile":
        """Return the runs of a file. Raises SourceRefused when it cannot be read."""
        shown = without_secrets(path)  # it may be a URL without its colon
        try:
            with open(path, encoding="utf-8") as file:
                return cls(json.load(file))
        except OSError as error:
            raise SourceRefused(f"the file of runs {shown} cannot be opened: {error.strerror}") from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise SourceRefused(
                f"the file of runs {shown} is not valid: it needs a list of runs with run_id"
            ) from error

    async def runs_of(self, contexts: Sequence[ContextRow]) -> dict[int, KfpRun]:
        """Return the runs of contexts by context id."""
        return {row.id: self._by_name[row.name] for row in contexts if row.name in self._by_name}

    async def names_with_runs(self, names: Sequence[str]) -> set[str]:
        """Return the names, among the given ones, for which the file has runs."""
        return {name for name in names if name in self._by_name}


def _run(entry: Mapping[str, Any], fingerprints: Mapping[str, Mapping[int, str]]) -> KfpRun:
    run_id = str(entry["run_id"])
    return KfpRun(
        id=run_id,
        name=str(entry.get("run_name") or ""),
        workflow_name=str(entry.get("run_name") or ""),
        namespace=str(entry.get("namespace") or ""),
        state=run_state(str(entry.get("argo_phase") or "")),
        fingerprints=fingerprints.get(run_id, {}),
    )
