"""Recorded runs of compiled pipelines, kept in a store, and what lies upstream of their artifacts. Called by tests.

A record has the form of the files in `recorded_runs`: tasks by their paths, of which a part is `name` or `name[iteration]`.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.digests import text_digest
from storage.documents.plain import compact
from storage.model import ArtifactType, IOType, TaskState, TaskType
from tests.contract.builders import a_link, a_run, a_task, an_artifact
from tests.lineage.world import World

OWN = Path(__file__).parent / "recorded_runs"
"""Records that belong to these tests."""

EARLIER = "(earlier run)."
"""Before the label of an artifact that another run made."""

PIPELINES_VARIABLE = "LINEAL_PIPELINES"
"""The variable that names a folder with many more: `expected`, `cached`, `pipelines` and `lineage`."""


def pipelines_folder() -> Path | None:
    """The folder with many more records, None where there is none."""
    beside = Path(__file__).parents[3] / "shared" / "pipelines"
    folder = Path(os.environ.get(PIPELINES_VARIABLE, beside))
    return folder if (folder / "lineage").is_dir() else None


def read(path: Path) -> dict[str, Any]:
    """Return a record."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@dataclass
class RecordedWorld(World):
    """A world of recorded runs: tasks are called by their paths, artifacts by their labels, both after a prefix for the run."""

    def add(self, record: dict[str, Any], *, prefix: str = "", earlier: str = "", spec: str | None = None) -> None:
        """Add a run. `earlier` is the prefix of the run whose artifacts it found in the cache."""
        run = self.runs[prefix] = a_run(display_name=prefix, pipeline_spec=spec)
        for path, stored in sorted(record["tasks"].items(), key=lambda item: item[0].count(".")):
            parent, _, last = path.rpartition(".")
            name, _, index = last.partition("[")
            attributes = {"iterationIndex": index.removesuffix("]")} if index else None
            self.tasks[prefix + path] = a_task(
                run.id,
                name="ROOT" if not parent else name,
                display_name=stored["display_name"],
                parent_task_id=self.tasks[prefix + parent].id if parent else None,
                type=TaskType[stored["type"]].value,
                state=TaskState[stored["state"]].value,
                type_attributes=None if attributes is None else compact(attributes),
                input_parameters=_parameters(stored, "inputs"),
                output_parameters=_parameters(stored, "outputs"),
            )
        for label, stored in record["artifacts"].items():
            if not label.startswith(EARLIER):
                self._add_artifact(prefix + label, stored)
        for path, stored in record["tasks"].items():
            for entry in (
                entry for way in ("inputs", "outputs") for entry in (stored.get(way) or {}).get("artifacts", [])
            ):
                label = entry["artifact"]
                name = earlier + label.removeprefix(EARLIER) if label.startswith(EARLIER) else prefix + label
                self._add_link(prefix + path, name, entry)

    def _add_artifact(self, name: str, stored: dict[str, Any]) -> None:
        uri = stored.get("uri") or ""
        place = {"uri": uri, "uri_hash": text_digest(uri)} if uri and "**" not in uri else {}
        self.artifacts[name] = an_artifact(
            name=stored.get("name", ""), type=ArtifactType[stored["type"]].value, **place
        )

    def _add_link(self, path: str, name: str, entry: dict[str, Any]) -> None:
        iteration = (entry.get("producer") or {}).get("iteration")
        self.links.append(
            a_link(
                self.tasks[path],
                self.artifact(name),  # of a run that is not here, if it is not known
                type=IOType[entry["type"]].value,
                key=entry["key"],
                producer=compact(_producer(entry)),
                iteration=-1 if iteration is None else iteration,
            )
        )


def _parameters(stored: dict[str, Any], way: str) -> str | None:
    entries = (stored.get(way) or {}).get("parameters", [])
    if not entries:
        return None
    return compact([_parameter(entry) for entry in entries])


def _parameter(entry: dict[str, Any]) -> dict[str, Any]:
    plain = {"type": entry["type"], "parameterKey": entry["key"]}
    if "value" in entry:
        plain["value"] = entry["value"]
    if entry.get("producer"):
        plain["producer"] = _producer(entry)
    return plain


def _producer(entry: dict[str, Any]) -> dict[str, Any]:
    producer = entry.get("producer") or {}
    plain = {"taskName": producer["task"]} if "task" in producer else {}
    if "iteration" in producer:
        plain["iteration"] = str(producer["iteration"])
    return plain
