"""lineal-server lineage: prints what made an artifact and what came of it. The command `lineage` calls it.

It reads the store itself, so that no server has to run.
"""

import asyncio
from collections.abc import Sequence

import click
from google.protobuf import json_format
from lineal.v1 import lineage_pb2

from server import app
from server.apis.lineal.lineage import get_lineage
from server.config import Settings
from server.errors import NotFound
from server.lineage_tree import lines

_KINDS = ("artifact", "task", "run")
_ALL_EDGES = (lineage_pb2.INPUT, lineage_pb2.OUTPUT, lineage_pb2.SAME_AS, lineage_pb2.PARAMETER)


def lineage(
    settings: Settings, start: str, *, up: bool, down: bool, hops: int, parameters: bool, as_json: bool
) -> None:
    """Print the lineage of an artifact, a task, a run or a uri. Raises ApiError and StorageError."""
    request = lineage_pb2.GetLineageRequest(hops=hops)
    if up is not down:
        request.direction = lineage_pb2.Direction.UPSTREAM if up else lineage_pb2.Direction.DOWNSTREAM
    if parameters:
        request.edges.extend(_ALL_EDGES)
    found = asyncio.run(_first_found(settings, request, _refs(start)))
    if as_json:
        click.echo(json_format.MessageToJson(found, preserving_proto_field_name=True))
        return
    for line in lines(found):
        click.echo(line)


def _refs(start: str) -> Sequence[str]:
    """What a word may mean: a ref, a uri, or an id of one kind or another."""
    kind, slash, _ = start.partition("/")
    if "://" in start and kind != "uri":
        return [f"uri/{start}"]
    if slash and kind in (*_KINDS, "uri"):
        return [start]
    return [*(f"{each}/{start}" for each in _KINDS), f"uri/{start}"]


async def _first_found(
    settings: Settings, request: lineage_pb2.GetLineageRequest, refs: Sequence[str]
) -> lineage_pb2.Lineage:
    for ref in refs[:-1]:
        try:
            return await _ask(settings, request, ref)
        except NotFound:
            continue
    return await _ask(settings, request, refs[-1])


async def _ask(settings: Settings, request: lineage_pb2.GetLineageRequest, ref: str) -> lineage_pb2.Lineage:
    del request.start[:]
    request.start.append(ref)
    answer: lineage_pb2.Lineage = await app.ask(settings, get_lineage, request)
    return answer
