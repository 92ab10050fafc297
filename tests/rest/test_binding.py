"""HTTP requests → request messages: path, query and body, and which of them wins."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.calls.methods import HttpRule, Method
from server.doors.http.routes import BadTemplate
from server.doors.rest.binding import Binding, Bound
from server.errors import InvalidArgument
from tests.rest.messages import METHODS, plain_of

BY_NAME = {method.name.partition(".")[2]: method for method in METHODS}


def binding_of(name: str) -> Binding:
    method = BY_NAME[name]
    assert method.http is not None
    return Binding(method, method.http)


def bound(name: str, *, query: str = "", body: Any = None, text: str | None = None, **values: str) -> Bound:
    data = (text if text is not None else "" if body is None else json.dumps(body)).encode()
    return binding_of(name).bind({key.replace("__", "."): value for key, value in values.items()}, query, data)


def request(name: str, **given_: Any) -> Any:
    return plain_of(bound(name, **given_).request)


def refusal_of(name: str, **given_: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        bound(name, **given_)
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("ListRuns", "page_size=5&pageToken=t", {"page_size": 5, "page_token": "t"}),
        ("ListRuns", "filter=%7B%22a%22%3A+1%7D%2B", {"filter": '{"a": 1}+'}),
        ("ListRuns", "filter=a%252Bb", {"filter": "a%2Bb"}),
        ("ListRuns", "filter=&page_token=&namespace&sort_by=", {}),
        ("ListRuns", "bogus=1&page.size=2&a[b]=c&=x&&", {}),
        ("ListRuns", "view=FULL", {"view": "FULL"}),
        ("ListRuns", "view=1", {"view": "FULL"}),
        ("ListRuns", "view=0", {"view": "DEFAULT"}),
        ("ListRuns", "page_size=-1", {"page_size": -1}),
        ("ListRuns", "page_size=%2B7", {"page_size": 7}),
        ("ListRuns", "sort_by=a%3D1;b", {"sort_by": "a=1;b"}),
        ("ListRuns", "namespace=%C3%BC%20%F0%9F%9A%80", {"namespace": "ü 🚀"}),
        ("ListArtifactTasks", "task_ids=a&taskIds=b&task_ids=c", {"task_ids": ["a", "b", "c"]}),
        ("ListArtifactTasks", "type=OUTPUT&artifact_ids=x", {"type": "OUTPUT", "artifact_ids": ["x"]}),
        ("DeletePipeline", "cascade=true", {"cascade": True}),
        ("DeletePipeline", "cascade=0", {}),
        ("CreateTask", "task.name=x&task.inputs.artifacts=y&run_id=z&runId=z", {"task": {}}),
        ("UpdatePipeline", "pipeline.pipeline_id=x&pipeline.tags=y", {"pipeline": {}}),
        ("CreateArtifact", "run_id=x", {}),
    ],
)
def test_a_query_fills_what_neither_path_nor_body_is_for(name: str, query: str, expected: dict[str, Any]) -> None:
    assert request(name, query=query) == expected


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "t", "T", "1"])
def test_a_boolean_is_true_in_six_spellings(text: str) -> None:
    assert request("DeletePipeline", query=f"cascade={text}") == {"cascade": True}


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("ListRuns", "page_size="),
        ("ListRuns", "page_size"),
        ("ListRuns", "page_size=x"),
        ("ListRuns", "page_size=1.0"),
        ("ListRuns", "page_size=1e3"),
        ("ListRuns", "page_size=+5"),
        ("ListRuns", "page_size=99999999999"),
        ("ListRuns", "page_size=" + "9" * 5000),
        ("ListRuns", "page_size=2147483648"),
        ("ListRuns", "page_size=%D9%A3"),
        ("ListRuns", "page_size=2&page_size=1"),
        ("ListRuns", "page_size=2&pageSize=2"),
        ("ListRuns", "filter=a&filter=a"),
        ("ListRuns", "view="),
        ("ListRuns", "view=full"),
        ("ListRuns", "view=7"),
        ("ListArtifactTasks", "type=BOGUS"),
        ("DeletePipeline", "cascade=maybe"),
        ("DeletePipeline", "cascade="),
        ("DeletePipeline", "cascade=yes"),
        ("ListRuns", "filter=%zz"),
        ("ListRuns", "bogus=%f"),
        ("ListRuns", "filter=%ff"),
        ("ListRuns", "filter=%ed%a0%80"),
        ("ListRuns", "page_size.x=1"),
        ("ListArtifactTasks", "task_ids.x=1"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(name: str, query: str) -> None:
    assert refusal_of(name, query=query) == "INVALID_QUERY"


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_arrives_as_it_was_sent(text: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in text.encode())
    assert bound("ListRuns", query=f"filter={escaped}").request.filter == text  # type: ignore[attr-defined]


def nested_query_method() -> Binding:
    method = BY_NAME["CreatePipelineAndVersion"]
    return Binding(method, HttpRule("GET", "/x", ""))


def test_a_query_reaches_into_messages() -> None:
    query = "pipeline.name=a&pipelineVersion.packageUrl.pipelineUrl=u&pipeline_version.created_at=2024-01-01T00:00:00Z"
    assert plain_of(nested_query_method().bind({}, query, b"").request) == {
        "pipeline": {"name": "a"},
        "pipeline_version": {"package_url": {"pipeline_url": "u"}, "created_at": "2024-01-01T00:00:00Z"},
    }


@pytest.mark.parametrize(
    "query", ["pipeline=x", "pipeline.tags=x", "pipeline.created_at=now", "pipeline_version.pipeline_spec={}"]
)
def test_a_message_without_a_text_form_cannot_be_given_in_the_query(query: str) -> None:
    with pytest.raises(InvalidArgument):
        nested_query_method().bind({}, query, b"")


def test_the_whole_body_is_the_request() -> None:
    assert request("FindCachedTask", body={"cacheFingerprint": "f"}) == {"cache_fingerprint": "f"}


def test_the_body_may_be_one_field_of_the_request() -> None:
    assert request("CreateTask", body={"name": "t"}, run_id="r") == {"task": {"name": "t"}, "run_id": "r"}
    assert refusal_of("CreateTask", body={"task": {"name": "t"}}, run_id="r") == "INVALID_JSON"


def test_an_empty_body_is_as_good_as_an_empty_object() -> None:
    assert request("CreateTask", text=" \n", run_id="r") == {"task": {}, "run_id": "r"}
    assert request("CreateTask", body={}, run_id="r") == {"task": {}, "run_id": "r"}
    assert request("CreateArtifact", text="") == {}
    assert request("ReportWorkflow", text="") == {}


def test_path_values_win_over_the_body() -> None:
    body = {"pipeline_id": "body", "display_name": "d"}
    plain = request("UpdatePipeline", body=body, pipeline__pipeline_id="path")
    assert plain == {"pipeline": {"pipeline_id": "path", "display_name": "d"}}
    bulk = request("UpdateTasksBulk", body={"run_id": "body", "tasks": {}}, run_id="path")
    assert bulk == {"run_id": "path"}


def test_nested_path_values_make_the_message_they_lie_in() -> None:
    values = {"pipeline_version__pipeline_id": "p", "pipeline_version__pipeline_version_id": "v"}
    assert request("UpdatePipelineVersion", text="", **values) == {
        "pipeline_version": {"pipeline_id": "p", "pipeline_version_id": "v"}
    }


@pytest.mark.parametrize("text", ["{bad", "[]", "\x00", '{"bogus": 1}'])
def test_a_method_without_a_body_does_not_read_one(text: str) -> None:
    assert request("ArchiveRun", text=text, run_id="r") == {"run_id": "r"}


def test_a_body_that_is_a_text_is_a_json_string() -> None:
    workflow = json.dumps({"metadata": {"name": "w"}})
    assert request("ReportWorkflow", body=workflow) == {"workflow": workflow}
    assert request("ReportWorkflow", text="null") == request("ReportWorkflow", text="") == {}


@pytest.mark.parametrize("body", [{"metadata": {}}, 5, ["x"], True])
def test_a_body_that_should_be_a_text_and_is_not_is_refused(body: Any) -> None:
    assert refusal_of("ReportWorkflow", body=body) == "INVALID_JSON"


@pytest.mark.parametrize("body", [[], "x", 5, None])
def test_a_body_that_should_be_an_object_and_is_not_is_refused(body: Any) -> None:
    assert refusal_of("CreateRun", text=json.dumps(body)) == "INVALID_JSON"


@pytest.mark.parametrize(
    ("text", "clears"),
    [
        ('{"tags":{}}', True),
        ('{"tags": { \n\t }, "display_name": "x"}', True),
        ('{"tags": null}', False),
        ('{"tags": {"a": "b"}}', False),
        ('{"display_name": "{\\"tags\\":{}}"}', False),
        ("{}", False),
        ("", False),
    ],
)
def test_an_empty_object_under_tags_clears_them(text: str, clears: bool) -> None:
    metadata = bound("UpdatePipeline", text=text, pipeline__pipeline_id="p").metadata
    assert metadata == ({"x-clear-tags": "true"} if clears else {})


@pytest.mark.parametrize(
    "rule",
    [HttpRule("GET", "/runs/{bogus}", ""), HttpRule("POST", "/runs", "bogus"), HttpRule("GET", "/{run.x.y}", "")],
)
def test_a_rule_that_names_no_field_stops_the_start(rule: HttpRule) -> None:
    method: Method = BY_NAME["CreateRun"]
    with pytest.raises(BadTemplate, match="has no field"):
        Binding(method, rule)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_rule_can_be_bound(method: Method) -> None:
    assert method.http is not None
    field = method.request.DESCRIPTOR.fields_by_name.get(method.http.body)
    expected = {} if field is None or field.message_type is None else {field.name: {}}
    assert plain_of(Binding(method, method.http).bind({}, "", b"").request) == expected
