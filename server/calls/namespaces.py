"""How the namespace of a request is found: what a line of the policy table says of it, and the light reads that resolve it.

An authority for several users calls `namespaces_of`. Single-user mode looks for no namespace, and its calls pay for none.

A field is a path through messages, and through lists: each of their items counts. Of a route's request it is `values.NAME`,
`query.NAME` or `body.NAME`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from server.calls.http_calls import HttpCall
from storage.contract import ReadTx, Store
from storage.errors import RowNotFound
from storage.ids import can_be_id


@dataclass(frozen=True, slots=True)
class NoNamespace:
    """The request is about no namespace: what it needs is a permission for the whole cluster."""


@dataclass(frozen=True, slots=True)
class ByField:
    """The request says it."""

    field: str


@dataclass(frozen=True, slots=True)
class ByRow:
    """It is that of the rows whose ids are in a field; `row` is a key of `_READS`."""

    row: str
    field: str


@dataclass(frozen=True, slots=True)
class ByDefaultExperiment:
    """It is that of the experiment for runs that name none."""


@dataclass(frozen=True, slots=True)
class ByReference:
    """It is in a v1beta1 reference of a route's request: its `.type` is NAMESPACE or EXPERIMENT, its `.id` a name or an id."""

    field: str


@dataclass(frozen=True, slots=True)
class FirstOf:
    """It is found by the first of these whose field is not empty, else by the last."""

    sources: tuple["Source", ...]


@dataclass(frozen=True, slots=True)
class EachOf:
    """The request is about the namespaces of all of these."""

    sources: tuple["Source", ...]


Source = NoNamespace | ByField | ByRow | ByDefaultExperiment | ByReference | FirstOf | EachOf
Request = Message | HttpCall


def by_field(field: str) -> ByField:
    """The field holds the namespace."""
    return ByField(field)


def by_run(field: str) -> ByRow:
    """The field holds ids of runs."""
    return ByRow("run", field)


def by_task(field: str) -> ByRow:
    """The field holds ids of tasks."""
    return ByRow("task", field)


def by_artifact(field: str) -> ByRow:
    """The field holds ids of artifacts."""
    return ByRow("artifact", field)


def by_experiment(field: str) -> ByRow:
    """The field holds the id of an experiment."""
    return ByRow("experiment", field)


def by_pipeline(field: str) -> ByRow:
    """The field holds the id of a pipeline."""
    return ByRow("pipeline", field)


def by_version(field: str) -> ByRow:
    """The field holds the id of a pipeline version."""
    return ByRow("pipeline version", field)


def by_reference(field: str) -> ByReference:
    """The field holds a v1beta1 reference."""
    return ByReference(field)


def first_of(*sources: Source) -> FirstOf:
    """The first source whose field is not empty counts, else the last."""
    return FirstOf(sources)


def each_of(*sources: Source) -> EachOf:
    """All sources count."""
    return EachOf(sources)


NO_NAMESPACE = NoNamespace()
DEFAULT_EXPERIMENT = ByDefaultExperiment()


async def namespaces_of(store: Store, source: Source, request: Request) -> frozenset[str]:
    """Return the namespaces that a request is about, all of which its caller must be allowed; "" is one as well.

    None at all asks for a permission for the whole cluster. Raises RowNotFound when the request names a row that is not there.
    """
    return frozenset(await store.read(lambda tx: _resolved(tx, source, request)))


def _texts_at(request: Request, field: str) -> list[str]:
    """Return the texts in a field; an absent one is empty."""
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
            choice = next((one for one in source.sources if _is_given(one, request)), source.sources[-1])
            return await _resolved(tx, choice, request)
        case EachOf():
            namespaces: list[str] = []
            for one in source.sources:
                namespaces += await _resolved(tx, one, request)
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
    # Not light: the contract has no read of a version without its specification.
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
