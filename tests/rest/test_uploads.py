"""Uploads of compiled pipelines, and their creation from a package URL, as HTTP clients send them."""

import json
from urllib.parse import quote

import pytest

from tests.api.builders import a_spec, unique
from tests.rest.client import Answer, ask
from tests.rest.uploads import upload_pipeline, upload_version

PIPELINES = "/apis/v2beta1/pipelines"


async def upload(rest: str, query: str, text: str, *, before: str = "") -> Answer:
    body = f'{before}--b\r\nContent-Disposition: form-data; name="uploadfile"; filename="p.yaml"\r\n\r\n{text}\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    return await ask(rest, "POST", f"{PIPELINES}/upload?{query}", text=body, Content_Type=kind)


@pytest.mark.parametrize("tags", ['{"a":1}', '["a"]', '{"a":"\\ud800"}', '{"\\udfff":"a"}', "[" * 100_000])
async def test_tags_that_are_no_texts_by_name_are_refused_and_nothing_is_kept(rest: str, tags: str) -> None:
    name = unique("p")
    answer = await upload(rest, f"name={name}&tags={quote(tags)}", json.dumps(a_spec()))
    assert (answer.status, answer.json["error_message"]) == (
        400,
        "the parameter tags must be a JSON object of strings",
    )
    assert (await ask(rest, "GET", f"{PIPELINES}/names/{name}")).status == 404


async def test_bad_tags_are_refused_before_the_package_is_parsed(rest: str) -> None:
    pipeline = await upload_pipeline(rest, a_spec(), name=unique("p"))
    bad_tags = json.dumps({"a.b": "c"})
    for send, query in (
        (upload_pipeline, {"name": unique("p")}),
        (upload_version, {"name": "v2", "pipelineid": pipeline.json["pipeline_id"]}),
    ):
        answer = await send(rest, {"not": "a specification"}, tags=bad_tags, **query)
        assert answer.json["error_message"] == "a tag's key must not be empty or contain a dot"


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("url", ["http://[::1", "https://a]b/p.yaml", "https://github.com:x/p.yaml", "p.yaml"])
async def test_a_package_url_that_is_none_is_refused(rest: str, url: str, named: bool) -> None:
    asked = {
        "pipeline": {"name": unique("p")} if named else {},
        "pipeline_version": {"package_url": {"pipeline_url": url}},
    }
    assert (await ask(rest, "POST", f"{PIPELINES}/create", asked)).reason == "INVALID_PACKAGE_URL"


async def test_a_body_of_very_many_parts_is_refused_before_it_keeps_others_waiting(rest: str) -> None:
    parts = "--b\r\na:b\r\n\r\n\r\n" * 1_500_000
    kind = "multipart/form-data; boundary=b"
    answer = await ask(rest, "POST", f"{PIPELINES}/upload", text=f"{parts}--b--\r\n", Content_Type=kind)
    assert answer.json["error_message"] == "the body has more than 1000 parts"


async def test_parts_before_the_file_and_fields_are_not_looked_at(rest: str) -> None:
    name = unique("p")
    fields = '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nother\r\n' * 999
    answer = await upload(rest, f"name={name}", json.dumps(a_spec()), before=fields)
    assert (answer.status, answer.json["name"]) == (200, name)
