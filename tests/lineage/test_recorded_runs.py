"""Recorded runs of pipelines: what made each artifact, with parameters as a flow of data and without."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from server.rules.lineage.graph import Direction, EdgeKind
from storage.documents.plain import compact
from storage.sql.store import SqlStore
from tests.lineage import recorded
from tests.lineage.recorded import RecordedWorld
from tests.lineage.world import BY_DEFAULT

FOLDERS = [recorded.OWN, *filter(None, [recorded.pipelines_folder()])]
WITH_PARAMETERS = BY_DEFAULT | {EdgeKind.PARAMETER}


def _spec(folder: Path, name: str) -> str | None:
    path = folder / "pipelines" / f"{name}.yaml"
    return compact(next(yaml.safe_load_all(path.read_text(encoding="utf-8")))) if path.exists() else None


async def _wrong(world: RecordedWorld, store: SqlStore, start: str, truth: dict[str, Any]) -> dict[str, Any]:
    """What differs from the truth, by whether parameters are followed; names of the truth are those of the first run."""
    wrong = {}
    for field, kinds in (("upstream", BY_DEFAULT), ("upstream_with_parameters", WITH_PARAMETERS)):
        found = await world.ask(store, start, direction=Direction.UPSTREAM, kinds=kinds, hops=50)
        expected = {f"1:{each}" for each in (*truth[field]["artifacts"], *truth[field]["tasks"])}
        if ((found.tasks | found.artifacts) - {start}, found.cuts) != (expected, set()):
            wrong[field] = (found.tasks | found.artifacts - {start}) ^ expected, found.cuts
    return wrong


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
async def test_what_made_each_artifact_of_recorded_runs(store: SqlStore, folder: Path) -> None:
    worlds, wrong = [], {}
    for path in sorted((folder / "lineage").glob("*.json")):
        world = RecordedWorld()
        world.add(recorded.read(folder / "expected" / path.name), prefix="1:", spec=_spec(folder, path.stem))
        await world.keep(store)
        worlds.append((path.stem, world, recorded.read(path)["artifacts"]))
    for name, world, lineage in worlds:
        for label, truth in lineage.items():
            wrong[name, label] = await _wrong(world, store, f"1:{label}", truth)
    assert wrong
    assert [found for found in wrong.items() if found[1]] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
async def test_runs_with_cached_tasks_have_their_artifacts_from_the_run_that_made_them(
    store: SqlStore, folder: Path
) -> None:
    wrong = {}
    for path in sorted((folder / "cached").glob("*.json")):
        again = recorded.read(path)
        if not (folder / "lineage" / path.name).exists():
            continue
        world = RecordedWorld()
        spec = _spec(folder, path.stem)
        world.add(recorded.read(folder / "expected" / path.name), prefix="1:", spec=spec)
        world.add(again, prefix="2:", earlier="1:", spec=spec)
        await world.keep(store)
        for label, truth in recorded.read(folder / "lineage" / path.name)["artifacts"].items():
            if recorded.EARLIER + label in again["artifacts"]:
                wrong[path.stem, label] = await _wrong(world, store, f"1:{label}", truth)
    assert wrong
    assert [found for found in wrong.items() if found[1]] == []
