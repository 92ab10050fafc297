"""Determines the namespaces of a request: the sources that a policy line names, and the light reads that resolve them.

A multi-user authority calls `namespaces_of`. Single-user mode does not, so its calls do not pay for the reads.

A field is a dotted path through messages and lists; every item of a list counts. In a route's request, it is `values.NAME`,
`query.NAME` or `body.NAME`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from server.calls.http_calls import HttpCall
from storage.contract import ReadTx, Store
from storage.errors import RowNotFound
from storage.ids import can_be_id
from storage.record import record


@record
class NoNamespace:
    """The request does not concern a namespace: it requires a permission for the whole cluster."""


@record
class ByField:
    """The namespace is in a field of the request."""

    field: str


@record
class ByRow:
    """The namespaces are those of the rows whose ids are in a field; `row` is a key of `_READS`."""

    row: str
    field: str


@record
class ByDefaultExperiment:
    """The namespace is that of the default experiment, which runs belong to unless they name another."""


@record
class ByReference:
    """The namespace is that of a v1beta1 reference to a NAMESPACE or an EXPERIMENT (`.type`), whose name or id is in `.id`."""

    field: str


@record
class FirstOf:
    """The namespaces are those of the first source whose field is not empty, otherwise of the last source."""

    sources: tuple["Source", ...]


@record
class EachOf:
    """The namespaces are those of all of the sources."""

    sources: tuple["Source", ...]


Source = NoNamespace | ByField | ByRow | ByDefaultExperiment | ByReference | FirstOf | EachOf
Request = Message | HttpCall


def by_field(field: str) -> ByField:
    """Return the source for a field with a namespace."""
    return ByField(field)


def by_run(field: str) -> ByRow:
    """Return the source for a field with ids of runs."""
    return ByRow("run", field)


def by_task(field: str) -> ByRow:
    """Return the source for a field with ids of tasks."""
    return ByRow("task", field)


def by_artifact(field: str) -> ByRow:
    """Return the source for a field with ids of artifacts."""
    return ByRow("artifact", field)


def by_experiment(field: str) -> ByRow:
    """Return the source for a field with the id of an experiment."""
    return ByRow("experiment", field)


def by_pipeline(field: str) -> ByRow:
    """Return the source for a field with the id of a pipeline."""
    return ByRow("pipeline", field)


def by_version(field: str) -> ByRow:
    """Return the source for a field with the id of a pipeline version."""
    return ByRow("pipeline version", field)


def by_reference(field: str) -> ByReference:
    """Return the source for a field with a v1beta1 reference, in a route's request."""
    return ByReference(field)


def first_of(*sources: Source) -> FirstOf:
    """Return the first source whose field is not empty, as one source; the last if all are empty."""
    return FirstOf(sources)


def each_of(*sources: Source) -> EachOf:
    """Return several sources as one."""
    return EachOf(sources)


NO_NAMESPACE = NoNamespace()
DEFAULT_EXPERIMENT = ByDefaultExperiment()


async def namespaces_of(store: Store, source: Source, request: Request) -> frozenset[str]:
    """Return the namespaces that a request concerns; its caller needs permission for each. "" is a namespace as well.

    An empty set requires a permission for the whole cluster. Raises RowNotFound if the request names a row that does not exist.
    """
    return frozenset(await store.read_by_key(lambda tx: _resolved(tx, source, request)))


def _texts_at(request: Request, field: str) -> list[str]:
    """Return the texts in a field, "" for one that is absent."""
    if isinstance(request, HttpCall):
        part, _, name = field.partition(".")
        value = getattr(request, part).get(name, "")
        return [value] if isinstance(value, str) else [*value] or [""]
    return _texts_of(request, field.split("."))


def _texts_of(value: Any, path: Sequence[str]) -> list[str]:
    if not path:
        return [value] if isinstance(value, str) else list(value)
    if isinstance(value, Message):
        return _texts_of(getattr(value, path[0]), path[1:])
    return [text for item in value for text in _texts_of(item, path)]


async def _resolved(tx: ReadTx, source: Source, request: Request) -> list[str]:
    match source:
        case NoNamespace():
            return []
        case ByField(field):
            return _texts_at(request, field)
        case ByRow(row, field):
            return await _namespaces_of_rows(tx, row, sorted(set(_texts_at(request, field))))
        case ByDefaultExperiment():
            return [(await tx.experiments.get(await tx.experiments.default_id())).namespace]
        case ByReference(field):
            by_type: dict[str, Source] = {
                "NAMESPACE": ByField(f"{field}.id"),
                "EXPERIMENT": ByRow("experiment", f"{field}.id"),
            }
            type_name = _texts_at(request, f"{field}.type")[0]
            return await _resolved(tx, by_type[type_name], request) if type_name in by_type else [""]
        case FirstOf():
            choice = next((part for part in source.sources if _is_given(part, request)), source.sources[-1])
            return await _resolved(tx, choice, request)
        case EachOf():
            namespaces: list[str] = []
            for part in source.sources:
                namespaces += await _resolved(tx, part, request)
            return namespaces


def _is_given(source: Source, request: Request) -> bool:
    return isinstance(source, ByField | ByRow) and any(_texts_at(request, source.field))


async def _namespaces_of_rows(tx: ReadTx, row: str, ids: Sequence[str]) -> list[str]:
    for id in ids:
        if not can_be_id(id):
            raise RowNotFound(row, id)
    namespaces = await _READS[row](tx, ids)
    for id in ids:
        if id not in namespaces:
            raise RowNotFound(row, id)
    return list(namespaces.values())


async def _of_runs(tx: ReadTx, ids: Sequence[str]) -> dict[str, str]:
    return {id: (await tx.runs.head(id)).namespace for id in ids}


async def _of_tasks(tx: ReadTx, ids: Sequence[str]) -> dict[str, str]:
    return {id: head.namespace for id, head in (await tx.tasks.heads(ids)).items()}


async def _of_artifacts(tx: ReadTx, ids: Sequence[str]) -> dict[str, str]:
    return await tx.artifacts.namespaces(ids)


async def _of_experiments(tx: ReadTx, ids: Sequence[str]) -> dict[str, str]:
    return {id: (await tx.experiments.get(id)).namespace for id in ids}


async def _of_pipelines(tx: ReadTx, ids: Sequence[str]) -> dict[str, str]:
    return {id: (await tx.pipelines.get(id)).namespace for id in ids}


async def _of_versions(tx: ReadTx, ids: Sequence[str]) -> dict[str, str]:
    # Not a light read: the storage contract cannot read a version without its specification.
    pipeline_ids = {id: (await tx.pipeline_versions.get(id)).pipeline_id for id in ids}
    return {id: (await tx.pipelines.get(pipeline_id)).namespace for id, pipeline_id in pipeline_ids.items()}


_READS: dict[str, Callable[[ReadTx, Sequence[str]], Awaitable[dict[str, str]]]] = {
    "run": _of_runs,
    "task": _of_tasks,
    "artifact": _of_artifacts,
    "experiment": _of_experiments,
    "pipeline": _of_pipelines,
    "pipeline version": _of_versions,
}
