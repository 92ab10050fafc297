"""Idempotency keys over HTTP: in a header, in upload routes, and the same in both doors."""

import json
from typing import Any

import pytest
from google.protobuf import json_format

from server.calls.idempotency import KEY_CHARACTERS
from tests.api.builders import a_run, a_spec, a_task, new_run, unique
from tests.api.client import refusal
from tests.api.service import serving
from tests.api.writes import EXAMPLES, Site
from tests.rest.client import Answer, ask

RUNS, PIPELINES = "/apis/v2beta1/runs", "/apis/v2beta1/pipelines"


async def post(site: Site, path: str, body: Any, key: str) -> Answer:
    return await ask(site.rest, "POST", path, body, Idempotency_Key=key)


async def test_a_key_in_a_header_gives_the_same_answer_and_the_effect_once_only(site: Site) -> None:
    key, body = unique("key"), {"display_name": unique("run")}
    first = await post(site, RUNS, body, key)
    after = await site.rows()
    again = await post(site, RUNS, body, key)
    assert (first.status, first.body) == (again.status, again.body)
    assert first.status == 200
    assert await site.rows() == after


async def test_a_key_used_over_grpc_replays_over_rest(site: Site) -> None:
    key, name = unique("key"), unique("run")
    run = await site.api.CreateRun(run=a_run(display_name=name), idempotency_key=key)
    body = json_format.MessageToDict(a_run(display_name=name), preserving_proto_field_name=True)
    answer = await post(site, RUNS, body, key)
    assert (answer.status, answer.json["run_id"]) == (200, run.run_id)


async def test_a_key_used_over_rest_replays_over_grpc(site: Site) -> None:
    key, run_id = unique("key"), await new_run(site.api)
    path = f"{RUNS}/{run_id}"
    assert (await ask(site.rest, "DELETE", path, Idempotency_Key=key)).status == 200
    await site.other.DeleteRun(run_id=run_id, idempotency_key=key)
    v1beta1 = f"/apis/v1beta1/runs/{run_id}"
    assert (await ask(site.rest, "DELETE", v1beta1, Idempotency_Key=key)).status == 200
    assert (await ask(site.rest, "DELETE", path)).status == 404


async def test_a_key_used_for_another_request_is_refused_with_409(site: Site) -> None:
    key, run_id = unique("key"), await new_run(site.api)
    await site.api.CreateTask(run_id=run_id, task=a_task(), idempotency_key=key)
    answer = await post(site, RUNS, {"display_name": "run"}, key)
    assert (answer.status, answer.reason) == (409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("key", ["", "ä", "a\tb", "k" * (KEY_CHARACTERS + 1)], ids=["empty", "latin", "tab", "long"])
async def test_a_malformed_key_is_refused_with_400(site: Site, key: str) -> None:
    before = await site.rows()
    answer = await post(site, RUNS, {"display_name": "run"}, key)
    assert (answer.status, answer.reason) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert await site.rows() == before


async def upload(site: Site, path: str, key: str, spec: dict[str, Any]) -> Answer:
    head = 'Content-Disposition: form-data; name="uploadfile"; filename="p.json"'
    body = f"--b\r\n{head}\r\n\r\n{json.dumps(spec)}\r\n--b--\r\n"
    kind = {"Content_Type": "multipart/form-data; boundary=b", "Idempotency_Key": key}
    return await ask(site.rest, "POST", path, text=body, **kind)


@pytest.mark.parametrize("version", ["v2beta1", "v1beta1"])
@pytest.mark.parametrize("route", ["upload", "upload_version"])
async def test_an_upload_with_a_key_happens_once(site: Site, version: str, route: str) -> None:
    pipeline_id = (await EXAMPLES["DeletePipeline"](site))["pipeline_id"]
    query = f"name={unique('p')}" + (f"&pipelineid={pipeline_id}" if route == "upload_version" else "")
    path, key = f"/apis/{version}/pipelines/{route}?{query}", unique("key")
    first = await upload(site, path, key, a_spec())
    after = await site.rows()
    again = await upload(site, path, key, a_spec())
    assert (first.status, again.status, first.body) == (200, 200, again.body)
    assert await site.rows() == after
    other = await upload(site, path, key, a_spec(schemaVersion="2.1.1"))
    assert (other.status, "used for another request" in other.json["error_message"]) == (409, True)


async def test_pages_of_allowed_origins_may_send_a_key(site: Site) -> None:
    asked = {"Origin": "https://ui.example", "Access_Control_Request_Method": "POST"}
    async with serving(site.url, cors_origins="https://ui.example") as addresses:
        answer = await ask(addresses.rest, "OPTIONS", RUNS, **asked)
    assert "idempotency-key" in answer.headers["access-control-allow-headers"].split(", ")


async def test_a_request_that_is_refused_unread_uses_no_key(site: Site) -> None:
    key, run_id = unique("key"), await new_run(site.api)
    answer = await ask(site.rest, "POST", f"{RUNS}/{run_id}/tasks", text="{", Idempotency_Key=key)
    assert answer.status == 400
    await site.api.CreateTask(run_id=run_id, task=a_task(), idempotency_key=key)
    refused = await refusal(site.api.CreateTask(run_id=run_id, task=a_task("other"), idempotency_key=key))
    assert refused.info.reason == "IDEMPOTENCY_KEY_REUSED"
