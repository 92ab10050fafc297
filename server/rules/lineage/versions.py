"""Versions of a uri in time: who reads a uri gets what was written to it last.

An artifact that a task made starts a version of its uri. One that no task made, as an importer's, belongs to the newest version
that is not younger than itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from server.rules.lineage.choice import is_maker
from storage.contract.lineage import LineageReads
from storage.lineage import VERSIONED_TYPES, ArtifactNode, Moment
from storage.record import record

URI_ARTIFACTS_MAX = 20
"""How many artifacts of one uri are looked at on one side of a moment."""

PRODUCERS_MAX = 100
"""How many producers of an artifact are looked at to see whether one of them made it."""


@record
class Versions:
    """Artifacts of the uri of another one, and whether there are more than were looked at."""

    artifacts: Sequence[ArtifactNode]
    is_cut: bool = False


def has_versions(artifact: ArtifactNode) -> bool:
    """Return whether an artifact may be a version of its uri."""
    return bool(artifact.uri_hash) and artifact.type in VERSIONED_TYPES


async def sources(reads: LineageReads, artifacts: Sequence[ArtifactNode]) -> Mapping[str, Versions]:
    """Return the version that each artifact belongs to, by the ids of artifacts that no task made; one has none or one."""
    found = await reads.versions_before([_moment(each) for each in artifacts], per_uri=URI_ARTIFACTS_MAX + 1)
    others = {
        artifact.id: [each for each in older if each.id != artifact.id]
        for artifact, older in zip(artifacts, found, strict=True)
    }
    made = await _made(reads, others.values())
    answer = {}
    for id, older in others.items():
        version = next((each for each in older if each.id in made), None)
        answer[id] = Versions([version] if version else [], is_cut=version is None and len(older) >= URI_ARTIFACTS_MAX)
    return answer


async def readers(reads: LineageReads, versions: Sequence[ArtifactNode]) -> Mapping[str, Versions]:
    """Return the artifacts that belong to each version, by the versions' ids: up to the next version, oldest first."""
    found = await reads.versions_after([_moment(each) for each in versions], per_uri=URI_ARTIFACTS_MAX + 1)
    others = {
        version.id: [each for each in younger if (each.created_at, each.id) > (version.created_at, version.id)]
        for version, younger in zip(versions, found, strict=True)
    }
    made = await _made(reads, others.values())
    answer = {}
    for id, younger in others.items():
        ending = next((number for number, each in enumerate(younger) if each.id in made), None)
        is_cut = ending is None and len(younger) >= URI_ARTIFACTS_MAX
        answer[id] = Versions(younger[: URI_ARTIFACTS_MAX if ending is None else ending], is_cut=is_cut)
    return answer


async def _made(reads: LineageReads, groups: Iterable[Sequence[ArtifactNode]]) -> set[str]:
    ids = sorted({artifact.id for group in groups for artifact in group})
    links = await reads.producers(ids, per_artifact=PRODUCERS_MAX) if ids else ()
    by_artifact = defaultdict(list)
    for link in links:
        by_artifact[link.artifact_id].append(link)
    return {id for id, its_links in by_artifact.items() if any(map(is_maker, its_links))}


def _moment(artifact: ArtifactNode) -> Moment:
    return Moment(artifact.uri_hash, artifact.namespace, artifact.created_at)
