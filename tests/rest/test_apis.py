"""An API that is not KFP's is served by the same doors: its RPC over both, its routes, its JSON, its errors, its document."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest
import pytest_asyncio

from server.app import APIS, Addresses, running
from server.calls.policy import MissingPolicy
from server.config import Settings
from server.doors.http.routes import BadTemplate
from tests.rest.client import ask, connected, request_text
from tests.rest.toy_api import TOY, begun

LIMIT = 1_000_000


def settings(url: str) -> Settings:
    return Settings(store=url, grpc="127.0.0.1:0", rest="127.0.0.1:0", package_bytes_max=LIMIT, cors_origins="http://a")


@pytest_asyncio.fixture(scope="module")
async def toy(rest_store: str) -> AsyncIterator[Addresses]:
    """A server with the toy API beside KFP's."""
    async with running(settings(rest_store), [*APIS, TOY]) as addresses:
        yield addresses


async def test_an_rpc_is_served_over_grpc(toy: Addresses) -> None:
    note = TOY.methods[0].request
    async with grpc.aio.insecure_channel(toy.grpc) as channel:
        put = channel.unary_unary(
            TOY.methods[0].path, request_serializer=note.SerializeToString, response_deserializer=note.FromString
        )
        assert (await put(note(text="abc"))).size == 3
    assert TOY.methods[0].full_name == "toy.v1.NoteService.PutNote"


async def test_an_rpc_is_served_over_rest_with_numbers_and_without_unknown_fields(toy: Addresses) -> None:
    answer = await ask(toy.rest, "PUT", "/toy/notes/abc", {"unknown": 1, "size": str(2**53 + 1)})
    assert answer.body == b'{"text":"abc","size":9007199254740993}'
    # KFP's API beside it is as strict as before, and writes strings.
    assert (await ask(toy.rest, "POST", "/apis/v2beta1/experiments", {"unknown": 1})).reason == "INVALID_JSON"


async def test_an_rpc_has_further_paths(toy: Addresses) -> None:
    answer = await ask(toy.rest, "PUT", "/toy/old/abc?size=9", {"size": 7})
    assert answer.json == {"text": "abc", "size": 3}


async def test_a_json_body_is_checked_against_the_table_of_its_fields(toy: Addresses) -> None:
    body = {"text": "x", "size": "17", "labels": ["a", "b"], "more": 1}
    answer = await ask(toy.rest, "POST", "/toy/notes", body)
    assert answer.json["body"] == {"text": "x", "size": 17, "labels": ["a", "b"]}
    for refused, sentence in (
        ({}, "text is required"),
        ({"text": "x" * 11}, "text is longer than 10 characters"),
        ({"text": "a\x00b"}, "text contains a NUL character"),
        ({"text": "x", "size": 2**63}, "size must be a 64-bit integer"),
        ({"text": "x", "labels": ["a", 1]}, "labels.1 must be a string"),
    ):
        answer = await ask(toy.rest, "POST", "/toy/notes", refused)
        assert (answer.status, answer.json["detail"]) == (400, sentence)
    strict = await ask(toy.rest, "POST", "/toy/strict", body)
    assert strict.json == {"error_code": "INVALID_JSON", "detail": "more is unknown"}


async def test_a_json_body_without_a_table_is_any_object_and_none_is_an_empty_one(toy: Addresses) -> None:
    body = {"a": {"b": [1, None]}}
    assert (await ask(toy.rest, "POST", "/toy/any", body)).json["body"] == body
    assert (await ask(toy.rest, "POST", "/toy/any")).json["body"] == {}
    refused = await ask(toy.rest, "POST", "/toy/any", [1])
    assert (refused.status, refused.json["detail"]) == (400, "the body is not an object")


async def test_a_body_may_be_bytes_of_any_kind(toy: Addresses) -> None:
    assert (await ask(toy.rest, "POST", "/toy/bytes", text=b"\xff\x00{")).json == {"bytes": 3}


async def test_a_wrong_verb_may_be_an_unknown_path_to_an_api(toy: Addresses) -> None:
    answer = await ask(toy.rest, "GET", "/toy/bytes")
    assert (answer.status, answer.json["error_code"], "allow" in answer.headers) == (404, "UNKNOWN_PATH", False)


async def test_a_delete_may_have_a_body_and_a_query_name_its_parameters_again(toy: Addresses) -> None:
    answer = await ask(toy.rest, "DELETE", "/toy/notes?id=1&id=2", {"text": "x"})
    assert answer.json == {"body": {"text": "x"}, "name": "", "ids": ["1", "2"]}


@pytest.mark.parametrize(
    ("accept", "content_type"), [("", "application/json"), ("text/*, application/json;q=0.5", "text/plain")]
)
async def test_a_route_answers_with_what_its_caller_prefers(toy: Addresses, accept: str, content_type: str) -> None:
    answer = await ask(toy.rest, "GET", "/toy/notes?id=1", Accept=accept)
    assert answer.headers["content-type"] == content_type


async def test_a_body_arrives_in_pieces_and_leaves_in_pieces(toy: Addresses) -> None:
    path = "/toy/files/a/%C3%A9/c.bin"
    async with connected(toy.rest) as wire:
        await wire.send(request_text("PUT", path, Transfer_Encoding="chunked") + b"3\r\nabc\r\n")
        async with asyncio.timeout(20):
            await begun.wait()  # the handler has a piece before the body is complete
        await wire.send(b"3\r\ndef\r\n0\r\n\r\n")
        assert (await wire.answer()).json == {"path": "a/é/c.bin", "bytes": 6}
        await wire.send(request_text("GET", path, Connection="close"))
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert body == b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"


async def test_a_body_in_pieces_is_limited_by_the_setting_of_its_route(toy: Addresses) -> None:
    answer = await ask(toy.rest, "PUT", "/toy/files/large", text="x" * (LIMIT + 1))
    assert (answer.status, answer.json["error_code"]) == (413, "BODY_TOO_LARGE")
    assert (await ask(toy.rest, "PUT", "/toy/files/fits", text="x" * LIMIT)).json["bytes"] == LIMIT


@pytest.mark.parametrize("path", ["/toy/files/../../etc", "/toy/files/a/..", "/toy/files/%2E%2E/a"])
async def test_dots_in_the_rest_of_a_path_are_the_apis_to_refuse(toy: Addresses, path: str) -> None:
    answer = await ask(toy.rest, "PUT", path, text="x")
    assert (answer.status, answer.json["detail"]) == (400, "the path leads out of the folder")


async def test_errors_and_what_reaches_no_handler_have_the_form_of_the_api(toy: Addresses) -> None:
    missing = await ask(toy.rest, "GET", "/toy/files/none")
    assert (missing.status, missing.json) == (404, {"error_code": "NOT_FOUND", "detail": "file 'none' not found"})
    unknown = await ask(toy.rest, "GET", "/toy/nothing")
    assert (unknown.status, unknown.json["error_code"]) == (404, "UNKNOWN_PATH")
    verb = await ask(toy.rest, "PATCH", "/toy/notes")
    assert (verb.status, verb.json["error_code"], verb.headers["allow"]) == (405, "WRONG_VERB", "DELETE, GET, POST")
    bad = await ask(toy.rest, "GET", "/toy/%FF")
    assert (bad.status, bad.json["error_code"]) == (400, "INVALID_PATH")
    assert (await ask(toy.rest, "GET", "/toys")).reason == "UNKNOWN_PATH"  # in KFP's form: not under the prefix
    foreign = await ask(toy.rest, "PUT", "/toy/notes/a", {}, Origin="http://evil.example")
    assert (foreign.status, foreign.json["error_code"]) == (403, "FOREIGN_ORIGIN")
    async with connected(toy.rest) as wire:
        await wire.send(request_text("POST", "/toy/notes", Content_Length=str(10**12)))
        refused = await wire.answer()
        assert (refused.status, refused.json["error_code"]) == (413, "BODY_TOO_LARGE")


async def test_each_api_has_a_document(toy: Addresses) -> None:
    assert (await ask(toy.rest, "GET", "/openapi/toy.json")).json == {"openapi": "3.1.0"}
    kfp = await ask(toy.rest, "GET", "/openapi/kfp.json")
    assert kfp.body == (await ask(toy.rest, "GET", "/openapi.json")).body
    assert (await ask(toy.rest, "GET", "/openapi/kfp_v1beta1.json")).status == 404


async def test_pages_of_other_origins_may_send_the_headers_that_an_api_reads(toy: Addresses) -> None:
    preflight = await ask(toy.rest, "OPTIONS", "/toy/notes", Origin="http://a", Access_Control_Request_Method="POST")
    assert (
        preflight.headers["access-control-allow-headers"]
        == "authorization, content-type, idempotency-key, x-clear-tags, x-toy"
    )


async def test_figures_are_counted_by_api(toy: Addresses) -> None:
    await ask(toy.rest, "GET", "/toy/notes")
    text = (await ask(toy.rest, "GET", "/metrics")).body.decode()
    assert 'lineal_calls_total{api="toy",code="OK",door="rest",method="Toy.ListNotes"}' in text


async def test_an_api_that_is_not_whole_stops_the_start(rest_store: str) -> None:
    route = TOY.routes[0]
    for broken, error in (
        (replace(TOY, routes=(replace(route, rule=None),)), MissingPolicy),
        (replace(TOY, routes=(route, route)), BadTemplate),
        (replace(TOY, aliases=(replace(TOY.aliases[0], full_name="toy.v1.NoteService.None"),)), BadTemplate),
        (replace(TOY, routes=(replace(route, template="/toy/{path=**}/more"),)), BadTemplate),
    ):
        with pytest.raises(error):
            async with running(settings(rest_store), [broken]):
                pass
