"""A small API with everything that an Api may have: an RPC, routes with every kind of body, its own errors and JSON, a document."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

from google.api import annotations_pb2  # noqa: F401 - the option of the RPCs below
from google.protobuf import descriptor_pb2, descriptor_pool, text_format

from server.api import Api, BytesBody, HttpForm, HttpRoute, JsonBody, JsonForm, RpcAlias, StreamBody
from server.calls.body_fields import BodyField, FieldKind
from server.calls.call import Call
from server.calls.http_calls import HttpCall, HttpResponse
from server.calls.methods import Served, methods_of
from server.calls.namespaces import NO_NAMESPACE, by_field
from server.calls.policy import Rule
from server.calls.statuses import Status
from server.errors import InvalidArgument, NotFound

_PROTO = """
name: "toy/notes.proto" package: "toy.v1" syntax: "proto3" dependency: "google/api/annotations.proto"
message_type { name: "Note" field { name: "text" number: 1 type: TYPE_STRING } field { name: "size" number: 2 type: TYPE_INT64 } }
service { name: "NoteService" method { name: "PutNote" input_type: ".toy.v1.Note" output_type: ".toy.v1.Note"
  options { [google.api.http] { put: "/toy/notes/{text}" body: "*" } } } }
"""
FILE: Any = descriptor_pool.Default().AddSerializedFile(
    text_format.Parse(_PROTO, descriptor_pb2.FileDescriptorProto()).SerializeToString()
)
FIELDS = {
    "text": BodyField(FieldKind.TEXT, required=True, characters_max=10),
    "size": BodyField(FieldKind.INT64),
    "labels": BodyField(FieldKind.TEXT, repeated=True),
}
files: dict[str, list[bytes]] = {}
begun = asyncio.Event()
"""Set once a handler has taken a piece of a file."""


async def put_note(call: Call, note: Any) -> Any:
    return type(note)(text=note.text, size=note.size or len(note.text))


async def read_body(call: Call, request: HttpCall) -> dict[str, Any]:
    return {"body": request.body, "name": request.file_name, "ids": [*request.query.get("id", ())]}


async def count_bytes(call: Call, request: HttpCall) -> dict[str, Any]:
    return {"bytes": len(request.body)}


async def list_notes(call: Call, request: HttpCall) -> HttpResponse | dict[str, Any]:
    if request.preferred("application/json", "text/plain") == "text/plain":
        return HttpResponse(200, " ".join(request.query.get("id", ())).encode(), "text/plain")
    return {"ids": [*request.query.get("id", ())]}


async def put_file(call: Call, request: HttpCall) -> dict[str, Any]:
    if ".." in request.values["path"].split("/"):
        raise InvalidArgument("the path leads out of the folder")
    pieces = files[request.values["path"]] = list[bytes]()
    async for piece in request.pieces():
        pieces.append(piece)
        begun.set()
    return {"path": request.values["path"], "bytes": sum(map(len, pieces))}


async def get_file(call: Call, request: HttpCall) -> HttpResponse:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for piece in files[request.values["path"]]:
            yield piece

    if request.values["path"] not in files:
        raise NotFound(f"file {request.values['path']!r} not found")
    return HttpResponse(200, pieces(), "application/octet-stream")


def error(status: Status, http_status: int) -> HttpResponse:
    return HttpResponse(http_status, json.dumps({"error_code": status.reason, "detail": status.message}).encode())


RULE = Rule("notes", "use", NO_NAMESPACE)
TOY = Api(
    name="toy",
    methods=methods_of([FILE], {"NoteService.PutNote": Served(put_note, RULE)}),
    routes=(
        HttpRoute(("POST",), "/toy/any", "Toy.ReadAny", read_body, RULE, body=JsonBody()),
        HttpRoute(
            ("POST",),
            "/toy/bytes",
            "Toy.CountBytes",
            count_bytes,
            RULE,
            body=BytesBody(),
            exclusive=True,
            form=HttpForm(error, wrong_verb=404),
        ),
        HttpRoute(("GET",), "/toy/notes", "Toy.ListNotes", list_notes, Rule("notes", "list", by_field("query.id"))),
        HttpRoute(("POST", "DELETE"), "/toy/notes", "Toy.ReadNotes", read_body, RULE, body=JsonBody(FIELDS)),
        HttpRoute(("POST",), "/toy/strict", "Toy.Strict", read_body, RULE, body=JsonBody(FIELDS), form=HttpForm(error)),
        HttpRoute(
            ("PUT",), "/toy/files/{path=**}", "Toy.PutFile", put_file, RULE, body=StreamBody("package_bytes_max")
        ),
        HttpRoute(("GET",), "/toy/files/{path=**}", "Toy.GetFile", get_file, RULE),
    ),
    aliases=(RpcAlias("PUT", "/toy/old/{text}", "toy.v1.NoteService.PutNote"),),
    prefixes=("/toy",),
    headers=("x-toy",),
    form=HttpForm(error, json=JsonForm(int64_as_numbers=True, ignores_unknown=True)),
    openapi=lambda: b'{"openapi":"3.1.0"}',
)
