"""The report of one artifact, read in one snapshot. GetArtifactReport calls this.

Every statement reads a bounded number of rows, so that an artifact that a hundred thousand tasks have used costs no more.
"""

from collections.abc import Iterable, Mapping, Sequence

from server.rules import checks
from server.rules.artifact_report.images import SpecImages
from server.rules.artifact_report.recipe import Recipe, inputs_of, read_recipe
from server.rules.artifact_report.sources import (
    MAKERS_MAX,
    Origin,
    People,
    Source,
    links_to_makers,
    origin_of,
    read_sources,
)
from server.rules.lineage.choice import is_doer, makers, users
from server.rules.lineage.graph import ARTIFACT
from server.rules.lineage.nodes import Nodes
from server.rules.lineage.versions import has_versions
from server.rules.run_report.series import read_series
from storage.artifact_report import ReportedArtifact
from storage.contract import ReadTx
from storage.lineage import ArtifactNode, LineageLink, Moment, RunNode, TaskNode
from storage.model import ArtifactType
from storage.record import record

METADATA_CHARACTERS = 256 * 1024
"""How long the metadata of an artifact may be, as JSON, to be shown; its description is cut there."""

PRODUCERS_MAX = 20
"""How many tasks that made an artifact are shown, and how many others that imported it or took it from the cache."""

CONSUMERS_MAX = 200
"""How many tasks that used an artifact are counted."""

VERSIONS_MAX = 10
"""How many versions of its uri are shown that are older than an artifact, and how many that are younger."""


@record
class Producer:
    """A task that put out an artifact, None if it may not be seen, and its run."""

    origin: Origin
    link: LineageLink
    task: TaskNode | None
    run: RunNode | None


@record
class History:
    """Artifacts at the uri of another one: older ones and younger ones, the oldest first, and whether there are more."""

    older: Sequence[Source] = ()
    younger: Sequence[Source] = ()
    has_more_older: bool = False
    has_more_younger: bool = False


@record
class Report:
    """What made an artifact. `makers` are those that it came from, `others` put it out as well: cached tasks, importers.

    `written` is what had been written to the uri of an artifact that no task made. `recipe` is of the first maker that may be seen.
    `series_text` is the metadata of a metric with a series, by its id: they may be longer than other metadata that are shown.
    """

    artifact: ReportedArtifact
    series_text: Mapping[str, str]
    origin: Origin
    makers: Sequence[Producer]
    others: Sequence[Producer]
    has_more_makers: bool
    has_more_others: bool
    written: Source | None
    recipe: Recipe | None
    history: History
    consumers: int
    has_more_consumers: bool


async def read_report(tx: ReadTx, specs: SpecImages, artifact_id: str, namespace: str | None) -> Report:
    """Read the report. Raises NotFound for an artifact that does not exist, or is not in the namespace, unless that is None."""
    artifact = await tx.artifact_report.artifact(artifact_id, characters=METADATA_CHARACTERS)
    if artifact is None or namespace not in (None, artifact.node.namespace):
        raise checks.not_found(ARTIFACT, artifact_id)
    people = People(tx, Nodes(tx.lineage, namespace, None), namespace)
    links = (await links_to_makers(tx, [artifact_id])).get(artifact_id, ())
    # Half of them may be those of groups.
    used_max = 2 * (CONSUMERS_MAX + 1)
    all_used = await tx.lineage.consumers([artifact_id], per_artifact=used_max)
    used = users(all_used)
    made = _one_each(makers(links, cached=False))
    others = _one_each(link for link in links if is_doer(link) and link.task_id not in {each.task_id for each in made})
    await people.read([*made[:PRODUCERS_MAX], *others[:PRODUCERS_MAX]])
    producers = _in_order([_producer(people, link) for link in made[:PRODUCERS_MAX]])
    main = next((each.link for each in producers if each.task is not None), None)
    inputs = await inputs_of(people, main) if main is not None else ()
    older, younger = await _at_same_uri(tx, artifact.node)
    shown = [*older[-VERSIONS_MAX:], *younger[:VERSIONS_MAX]]
    sought = dict.fromkeys([artifact_id, *(link.artifact_id for link in inputs)])
    sources = await read_sources(people, list(sought | dict.fromkeys(each.id for each in shown)), imported=sought)
    consumers = len({link.task_id for link in used})
    series_text: Mapping[str, str] = {}
    if artifact.node.type == ArtifactType.Metric:
        series_text = await read_series(tx, [artifact_id])
    return Report(
        artifact=artifact,
        series_text=series_text,
        origin=producers[0].origin if producers else Origin.NOT_RECORDED,
        makers=producers,
        others=_in_order([_producer(people, link) for link in others[:PRODUCERS_MAX]]),
        has_more_makers=len(made) > PRODUCERS_MAX,
        has_more_others=len(others) > PRODUCERS_MAX or len(links) == MAKERS_MAX,
        written=sources[artifact_id].written,
        recipe=None if main is None else await read_recipe(people, specs, main, used, sources),
        history=History(
            older=[sources[each.id] for each in older[-VERSIONS_MAX:]],
            younger=[sources[each.id] for each in younger[:VERSIONS_MAX]],
            has_more_older=len(older) > VERSIONS_MAX,
            has_more_younger=len(younger) > VERSIONS_MAX,
        ),
        consumers=min(consumers, CONSUMERS_MAX),
        has_more_consumers=consumers > CONSUMERS_MAX or len(all_used) == used_max,
    )


async def _at_same_uri(tx: ReadTx, artifact: ArtifactNode) -> tuple[list[ArtifactNode], list[ArtifactNode]]:
    """Return artifacts at the uri of another one that are older and younger, the oldest first, one more than are shown."""
    if not has_versions(artifact):
        return [], []
    moment, place = (
        Moment(artifact.uri_hash, artifact.namespace, artifact.created_at),
        (artifact.created_at, artifact.id),
    )
    # Those of the same moment, itself included, are among both.
    limit = 2 * (VERSIONS_MAX + 1)
    [before] = await tx.lineage.versions_before([moment], per_uri=limit)
    [after] = await tx.lineage.versions_after([moment], per_uri=limit)
    older = [each for each in before if (each.created_at, each.id) < place]
    younger = [each for each in after if (each.created_at, each.id) > place]
    return list(reversed(older[: VERSIONS_MAX + 1])), younger[: VERSIONS_MAX + 1]


def _one_each(links: Iterable[LineageLink]) -> list[LineageLink]:
    """Return the first link of each task."""
    by_task: dict[str, LineageLink] = {}
    for link in links:
        by_task.setdefault(link.task_id, link)
    return list(by_task.values())


def _producer(people: People, link: LineageLink) -> Producer:
    return Producer(origin_of(link), link, people.task(link), people.run(link))


def _in_order(producers: Sequence[Producer]) -> list[Producer]:
    """Return producers that may be seen first, the oldest first."""

    def place(each: Producer) -> tuple[bool, int, str]:
        return each.task is None, 0 if each.task is None else each.task.created_at, each.link.task_id

    return sorted(producers, key=place)
