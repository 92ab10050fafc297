"""What every method has in common: malformed and huge requests, health, reflection, and a policy line."""

import asyncio
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from lineal.v2beta1 import run_pb2

from server import api as server_api
from server.apis.kfp.api import KFP
from server.apis.kfp.methods import SERVED as KFP_LINES
from server.apis.lineal.methods import SERVED as LINEAL_LINES
from server.app import APIS, running
from server.calls import policy
from server.calls.request_size import PARTS_MAX
from server.config import Settings
from tests.api.builders import Task, a_run, empty_parameters, new_run, zeros
from tests.api.client import METHODS, Api, code, refusal
from tests.api.conftest import Serve
from tests.api.service import serving

pytestmark = pytest.mark.one_database

PATIENCE_SECONDS = 20

LINES = {**KFP_LINES, **LINEAL_LINES}
RUN_SERVICE, ARTIFACT_SERVICE = METHODS["GetRun"].service, METHODS["GetArtifact"].service
SERVED = sorted(name for name, method in METHODS.items() if method.name in LINES)


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05abc", b"\x0a\x01\xff\x12\x01\xff\x1a\x01\xff", b"\x08"])
async def test_bytes_that_are_no_request_are_refused_by_every_method(api: Api, data: bytes) -> None:
    for name in SERVED:
        if not METHODS[name].request.DESCRIPTOR.fields:
            continue
        refused = await refusal(api.send(name, data))
        assert (refused.code, refused.info.domain) == ("INVALID_ARGUMENT", "lineal"), name


async def test_text_that_is_not_utf8_is_refused(api: Api) -> None:
    run_id = run_pb2.GetRunRequest.DESCRIPTOR.fields_by_name["run_id"].number
    assert await code(api.send("GetRun", bytes([run_id << 3 | 2, 2, 0xC3, 0x28]))) == "INVALID_ARGUMENT"


async def test_fields_of_later_versions_are_let_pass(api: Api) -> None:
    request = run_pb2.GetRunRequest(run_id=await new_run(api)).SerializeToString()
    later = b"\xf2\xff\x03\x03new"
    assert await code(api.send("GetRun", request + later)) == "OK"


async def test_a_value_nested_too_deeply_is_refused(api: Api) -> None:
    deep: Any = 1
    for _ in range(46):
        deep = [deep]
    assert await code(api.CreateRun(run=a_run(parameters={"p": deep}))) == "INVALID_ARGUMENT"


async def test_a_message_over_the_limit_is_resource_exhausted(serve: Serve) -> None:
    api = await serve(message_bytes_max=10_000)
    assert await code(api.CreateRun(run=a_run(description="d" * 9_000))) == "OK"
    assert await code(api.CreateRun(run=a_run(description="d" * 10_001))) == "RESOURCE_EXHAUSTED"
    assert await code(api.ListRuns()) == "OK"


@pytest.mark.slow
async def test_a_request_of_more_parts_than_one_call_may_hold_others_up_with_is_refused(api: Api) -> None:
    # Each takes two to eleven bytes, so that none of them is anywhere near the limit of bytes.
    update = Task(run_id="r", task_id="t", inputs=empty_parameters(PARTS_MAX + 1))
    assert "list items" in (await refusal(api.UpdateTask(task_id="t", task=update))).message
    lists = struct_pb2.ListValue(values=[zeros(PARTS_MAX // 4)] * 4)
    run = a_run(runtime_config={"parameters": {"p": struct_pb2.Value(list_value=lists)}})
    assert "list items" in (await refusal(api.CreateRun(run=run))).message
    run = a_run(runtime_config={"parameters": {"p": zeros(PARTS_MAX - 10)}})
    assert await code(api.CreateRun(run=run)) == "OK"


@pytest.mark.slow
async def test_thousands_of_calls_at_once_are_all_answered(api: Api) -> None:
    # By itself gRPC cancels some of them, at random, once more than a thousand wait.
    codes = await asyncio.gather(*(code(api.GetHealthz()) for _ in range(5_000)))
    assert set(codes) == {"OK"}


async def test_a_method_that_is_not_there_is_unimplemented(api: Api) -> None:
    missing = sorted(METHODS.keys() - set(SERVED))
    for name in missing:
        assert await code(api.send(name, b"")) == "UNIMPLEMENTED"
    for path in (f"/{RUN_SERVICE}/NoSuchMethod", "/no.such.Service/Method"):
        assert await code(api.channel.unary_unary(path)(b"")) == "UNIMPLEMENTED"


async def health(api: Api, service: str) -> Any:
    """Ask the standard health service."""
    check = api.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    return (await check(health_pb2.HealthCheckRequest(service=service))).status


async def test_the_server_and_each_service_say_that_they_serve(api: Api) -> None:
    for service in ("", RUN_SERVICE, ARTIFACT_SERVICE):
        assert await health(api, service) == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
        await health(api, "no.such.Service")


@pytest.mark.databases("sqlite")
async def test_metadata_as_large_as_proxies_let_through_is_taken_every_time(api: Api) -> None:
    call = api.channel.unary_unary(METHODS["GetHealthz"].path)
    for size in (9_000, 15_000, 60 * 1024):
        for _ in range(5):
            assert await code(call(b"", metadata=(("authorization", "Bearer " + "t" * size),))) == "OK"
    assert await code(call(b"", metadata=(("authorization", "t" * 100_000),))) == "RESOURCE_EXHAUSTED"
    assert await code(call(b"")) == "OK"


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7


def frame(kind: int, payload: bytes = b"", *, flags: int = 0) -> bytes:
    """One frame of HTTP/2 on the connection itself."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + bytes(4) + payload


async def next_frame(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Return kind and flags of the next frame."""
    head = await reader.readexactly(9)
    await reader.readexactly(int.from_bytes(head[:3], "big"))
    return head[3], head[4]


@pytest.mark.slow
@pytest.mark.databases("sqlite")
async def test_a_client_may_ping_every_second_between_calls(migrated_url: str) -> None:
    async with serving(migrated_url) as addresses, asyncio.timeout(60):
        host, _, port = addresses.grpc.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(PREFACE + frame(SETTINGS))
        answered = 0
        for _ in range(5):
            writer.write(frame(PING, b"a client"))
            await asyncio.sleep(1)
        while answered < 5:
            kind, flags = await next_frame(reader)
            assert kind != GOAWAY
            answered += (kind, flags) == (PING, 1)
        writer.close()


VERSIONS = pytest.mark.parametrize("version", ["v1", "v1alpha"])


def reflection_path(version: str) -> str:
    """The only method of the reflection service."""
    return f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"


async def reflected(api: Api, version: str = "v1alpha", **request: Any) -> Any:
    """Ask the standard reflection service, whose versions differ in nothing but their names."""
    stream = api.channel.stream_stream(
        reflection_path(version),
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = stream(iter([reflection_pb2.ServerReflectionRequest(**request)]))
    [answer] = [answer async for answer in answers]
    return answer


@VERSIONS
async def test_reflection_lists_the_services(api: Api, version: str) -> None:
    answer = await reflected(api, version, list_services="")
    names = {service.name for service in answer.list_services_response.service}
    assert {RUN_SERVICE, ARTIFACT_SERVICE, "grpc.health.v1.Health"} <= names


async def test_reflection_describes_every_service_that_it_lists(api: Api) -> None:
    listed = await reflected(api, list_services="")
    for service in (each.name for each in listed.list_services_response.service):
        answer = await reflected(api, file_containing_symbol=service)
        [data, *_] = answer.file_descriptor_response.file_descriptor_proto
        file = FileDescriptorProto.FromString(data)
        methods = [m for each in file.service if f"{file.package}.{each.name}" == service for m in each.method]
        assert methods
        assert all(kind.startswith(".") for m in methods for kind in (m.input_type, m.output_type))


async def test_reflection_describes_every_served_method(api: Api) -> None:
    for service in {METHODS[name].service for name in SERVED}:
        answer = await reflected(api, file_containing_symbol=service)
        [data, *_] = answer.file_descriptor_response.file_descriptor_proto
        described = {
            f"{each.name}.{m.name}" for each in FileDescriptorProto.FromString(data).service for m in each.method
        }
        expected = {name for name in LINES if name.startswith(f"{service.rpartition('.')[2]}.")}
        assert expected <= described


@VERSIONS
async def test_reflection_can_be_switched_off(serve: Serve, version: str) -> None:
    api = await serve(reflection=False)
    # Not as a stream: the client would say INTERNAL if it were refused before it has written its first message.
    call = api.channel.unary_unary(reflection_path(version))
    with pytest.raises(grpc.aio.AioRpcError, match="UNIMPLEMENTED"):
        await call(b"")


async def test_healthz_answers(api: Api) -> None:
    answer = await api.GetHealthz()
    assert not answer.multi_user


@pytest.mark.parametrize("name", ["RunService.GetRun", "HealthzService.GetHealthz", "Upload.UploadPipeline"])
@pytest.mark.databases("sqlite")
async def test_a_method_or_route_without_a_policy_line_stops_the_start(migrated_url: str, name: str) -> None:
    api = without_line(KFP, name)
    with pytest.raises(policy.MissingPolicy, match=name):
        async with running(Settings(store=migrated_url, grpc="127.0.0.1:0", rest="127.0.0.1:0"), [api]):
            pass


def without_line(api: server_api.Api, name: str) -> server_api.Api:
    """The API, less the policy line of one method or route."""
    methods = [replace(one, rule=None) if one.name == name else one for one in api.methods]
    routes = [replace(one, rule=None) if one.name == name else one for one in api.routes]
    return replace(api, methods=tuple(methods), routes=tuple(routes))


@pytest.mark.databases("sqlite")
def test_every_policy_line_asks_for_something() -> None:
    rules = {served.name: served.rule for api in APIS for served in api.served()}
    assert all(rule is not None and rule.resource and rule.verb for rule in rules.values())
    assert [name for name, rule in rules.items() if rule and rule.open] == ["HealthzService.GetHealthz"]


@pytest.mark.databases("sqlite")
async def test_a_connection_without_calls_is_closed_after_a_while(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.doors.grpc.door.IDLE_TIMEOUT_MS", 500)
    api = await serve()
    await api.GetHealthz()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await api.channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
    await api.GetHealthz()
