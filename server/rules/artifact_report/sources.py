"""Where artifacts came from: of many at once, the task that made each, or what had been written to its uri before it was imported.

The report reads what a task took with this, and the versions of a uri.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from server.rules.lineage import versions
from server.rules.lineage.choice import is_cached, is_doer, is_maker, makers
from server.rules.lineage.nodes import Nodes
from server.rules.lineage.versions import has_versions
from storage.contract import ReadTx
from storage.lineage import ArtifactNode, LineageLink, RunNode, TaskNode
from storage.model import TaskType
from storage.record import record

MAKERS_MAX = 100
"""How many links to what made an artifact are looked at: groups repeat what their tasks make, others take it from the cache."""


class Origin(IntEnum):
    """How an artifact came to be; the numbers are those of the wire."""

    NOT_RECORDED = 1
    MADE = 2
    IMPORTED = 3
    CACHED = 4
    GROUP = 5


@record
class Source:
    """An artifact, None if it may not be seen, and the task that made it, if one did and may be seen.

    `written` is the version of its uri that was there when it was imported.
    """

    id: str
    artifact: ArtifactNode | None
    link: LineageLink | None = None
    task: TaskNode | None = None
    run: RunNode | None = None
    written: "Source | None" = None


@dataclass(slots=True)
class People:
    """Tasks and runs that have been read, as far as the caller may see them."""

    tx: ReadTx
    nodes: Nodes
    namespace: str | None
    _runs: dict[str, RunNode] = field(default_factory=dict)

    async def read(self, links: Iterable[LineageLink]) -> None:
        """Read the tasks of links, and their runs."""
        chosen = list(links)
        await self.nodes.tasks(list(dict.fromkeys(link.task_id for link in chosen)))
        missing = [id for id in dict.fromkeys(link.run_id for link in chosen) if id not in self._runs]
        if missing:
            self._runs |= await self.tx.search.runs_by_id(missing)

    def task(self, link: LineageLink | None) -> TaskNode | None:
        """Return the task of a link."""
        return None if link is None else self.nodes.task(link.task_id)

    def run(self, link: LineageLink | None) -> RunNode | None:
        """Return the run of a link."""
        run = None if link is None else self._runs.get(link.run_id)
        return run if run is None or self.namespace in (None, run.namespace) else None


def origin_of(link: LineageLink | None) -> Origin:
    """Return what the task of a link did to put out an artifact."""
    if link is None:
        return Origin.NOT_RECORDED
    if not is_doer(link):
        return Origin.GROUP
    if is_cached(link):
        return Origin.CACHED
    return Origin.IMPORTED if link.task_type == TaskType.IMPORTER else Origin.MADE


async def links_to_makers(tx: ReadTx, artifact_ids: Sequence[str]) -> Mapping[str, Sequence[LineageLink]]:
    """Return the links to what made artifacts, by their ids."""
    by_artifact: dict[str, list[LineageLink]] = defaultdict(list)
    ids = list(dict.fromkeys(artifact_ids))
    for link in await tx.lineage.producers(ids, per_artifact=MAKERS_MAX) if ids else ():
        by_artifact[link.artifact_id].append(link)
    return by_artifact


def first_maker(links: Sequence[LineageLink]) -> LineageLink | None:
    """Return the link that leads upstream from an artifact."""
    return next(iter(makers(links, cached=False)), None)


async def read_sources(
    people: People, artifact_ids: Sequence[str], *, imported: Container[str]
) -> Mapping[str, Source]:
    """Return where artifacts came from.

    Of those whose ids are in `imported`, the ones that no task made come with what had been written to their uri before.
    """
    tx, nodes = people.tx, people.nodes
    await nodes.artifacts(artifact_ids)
    links = await links_to_makers(tx, artifact_ids)
    seen = [node for id in artifact_ids if (node := nodes.artifact(id)) is not None]
    may_be = [node for node in seen if node.id in imported and has_versions(node)]
    unmade = [node for node in may_be if not any(map(is_maker, links.get(node.id, ())))]
    found = await versions.sources(tx.lineage, unmade) if unmade else {}
    written = {id: each.artifacts[0] for id, each in found.items() if each.artifacts}
    links_of_written = await links_to_makers(tx, [artifact.id for artifact in written.values()])
    chosen = {id: first_maker(links.get(id, ())) for id in artifact_ids}
    # A version is one that a task made, so that the first maker is no importer.
    writers = {artifact.id: first_maker(links_of_written.get(artifact.id, ())) for artifact in written.values()}
    await people.read(link for link in (*chosen.values(), *writers.values()) if link is not None)

    def source(id: str, artifact: ArtifactNode | None, link: LineageLink | None) -> Source:
        before = written.get(id)
        return Source(
            id=id,
            artifact=artifact,
            link=link,
            task=people.task(link),
            run=people.run(link),
            written=None if before is None else source(before.id, before, writers[before.id]),
        )

    return {id: source(id, nodes.artifact(id), chosen[id]) for id in artifact_ids}
