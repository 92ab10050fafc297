"""Paths → targets: the table of every method, escapes, custom verbs, and paths that are not clean."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.doors.http.routes import ANY_VERB, BadTemplate, Match, NoRoute, Redirect, Router, WrongVerb
from server.errors import InvalidArgument
from tests.rest.messages import METHODS

HTTP_METHODS = [method for method in METHODS if method.http is not None]
RUN = "/apis/v2beta1/runs/0198c0de"


def the_table() -> Router[str]:
    router = Router[str]()
    for method in HTTP_METHODS:
        assert method.http is not None
        router.add(method.http.verb, method.http.path, method.name)
    return router


TABLE = the_table()


def found(verb: str, path: str) -> tuple[str, dict[str, str]]:
    match = TABLE.match(verb, path)
    assert isinstance(match, Match), match
    return match.target, match.values


@pytest.mark.parametrize("method", HTTP_METHODS, ids=lambda method: method.name)
def test_every_method_is_found_by_its_own_template(method: object) -> None:
    template = method.http.path  # type: ignore[attr-defined]
    fields = re.findall(r"\{([\w.]+)\}", template)
    values = {name: f"value of {name}/%:" for name in fields}
    path = re.sub(r"\{([\w.]+)\}", lambda match: f"value%20of%20{match[1]}%2F%25%3A", template)
    assert found(method.http.verb, path) == (method.name, values)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("verb", "path", "target", "values"),
    [
        ("GET", RUN, "RunService.GetRun", {"run_id": "0198c0de"}),
        ("POST", f"{RUN}:archive", "RunService.ArchiveRun", {"run_id": "0198c0de"}),
        ("POST", f"{RUN}%3Aarchive", "RunService.ArchiveRun", {"run_id": "0198c0de"}),
        ("POST", f"{RUN}:x:archive", "RunService.ArchiveRun", {"run_id": "0198c0de:x"}),
        ("GET", f"{RUN}:archive", "RunService.GetRun", {"run_id": "0198c0de:archive"}),
        ("GET", f"{RUN}:bogus", "RunService.GetRun", {"run_id": "0198c0de:bogus"}),
        ("GET", f"{RUN}:", "RunService.GetRun", {"run_id": "0198c0de:"}),
        ("GET", f"{RUN}%2Fx", "RunService.GetRun", {"run_id": "0198c0de/x"}),
        ("GET", f"{RUN}+x", "RunService.GetRun", {"run_id": "0198c0de+x"}),
        ("GET", "/%61pis/v2beta1/runs", "RunService.ListRuns", {}),
        ("POST", f"{RUN}/tasks:batchUpdate", "RunService.UpdateTasksBulk", {"run_id": "0198c0de"}),
        ("POST", f"{RUN}/tasks", "RunService.CreateTask", {"run_id": "0198c0de"}),
        ("POST", "/apis/v2beta1/pipelines/create", "PipelineService.CreatePipelineAndVersion", {}),
        ("GET", "/apis/v2beta1/pipelines/create", "PipelineService.GetPipeline", {"pipeline_id": "create"}),
        ("GET", "/apis/v2beta1/pipelines/names", "PipelineService.GetPipeline", {"pipeline_id": "names"}),
        ("GET", "/apis/v2beta1/pipelines/names/a%2Fb", "PipelineService.GetPipelineByName", {"name": "a/b"}),
        ("GET", "/apis/v2beta1/pipelines/p/versions", "PipelineService.ListPipelineVersions", {"pipeline_id": "p"}),
        ("GET", "/apis/v2beta1/pipelines/names/versions", "PipelineService.GetPipelineByName", {"name": "versions"}),
        (
            "PATCH",
            "/apis/v2beta1/pipelines/p/versions/v",
            "PipelineService.UpdatePipelineVersion",
            {"pipeline_version.pipeline_id": "p", "pipeline_version.pipeline_version_id": "v"},
        ),
    ],
)
def test_a_path_leads_to_its_method(verb: str, path: str, target: str, values: dict[str, str]) -> None:
    assert found(verb, path) == (target, values)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("PUT", RUN),
        ("HEAD", RUN),
        ("OPTIONS", RUN),
        ("PROPFIND", RUN),
        ("POST", RUN),
        ("POST", f"{RUN}:bogus"),
        ("POST", f"{RUN}:"),
        ("DELETE", "/apis/v2beta1/runs"),
        ("GET", "/apis/v2beta1/artifacts:batchCreate"),
        ("GET", "/apis/v2beta1/tasks:findCached"),
        ("PUT", "/apis/v2beta1/pipelines/create"),
    ],
)
def test_another_verb_on_a_known_path_is_wrong(verb: str, path: str) -> None:
    assert isinstance(TABLE.match(verb, path), WrongVerb)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "*",
        "apis/v2beta1/runs",
        "/apis",
        "/apis/",
        "/apis/v2beta1/runs/",
        f"{RUN}/",
        f"{RUN}/tasks/",
        f"{RUN}/tasks/t/x",
        "/apis/v2beta1/Runs",
        "/apis/v2beta1/runs%2Fx",
        "/apis/v2beta1/tasks",
        "/apis/v2beta1/tasks:bogus",
        "/apis/v2beta1/:archive",
        "/apis/v2beta1/artifacts:bogus",
        "/apis/v3/runs",
        "/.well-known/x",
    ],
)
def test_an_unknown_path_is_not_found_with_any_verb(path: str) -> None:
    for verb in ("GET", "POST", "HEAD"):
        assert isinstance(TABLE.match(verb, path), NoRoute)


@pytest.mark.parametrize("path", [f"{RUN}%zz", f"{RUN}%", f"{RUN}%2", "/bogus/%zz", f"{RUN}%ff", f"{RUN}%c3%28"])
def test_an_escape_that_is_none_or_no_utf8_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        TABLE.match("GET", path)
    assert caught.value.reason == "INVALID_PATH"


@pytest.mark.parametrize("segment", [":archive", "%3Aarchive"])
def test_a_custom_verb_without_an_id_is_not_found(segment: str) -> None:
    assert isinstance(TABLE.match("POST", f"/apis/v2beta1/runs/{segment}"), NoRoute)
    assert found("GET", f"/apis/v2beta1/runs/{segment}") == ("RunService.GetRun", {"run_id": ":archive"})
    assert isinstance(TABLE.match("POST", "/apis/v2beta1/runs/:bogus"), WrongVerb)
    assert found("GET", "/apis/v2beta1/pipelines/names/:")[1] == {"name": ":"}


def test_bytes_outside_ascii_are_read_as_utf8() -> None:
    raw = "/apis/v2beta1/runs/ü".encode().decode("latin-1")
    assert found("GET", raw)[1] == found("GET", "/apis/v2beta1/runs/%C3%BC")[1] == {"run_id": "ü"}


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("//", "/"),
        ("//apis/v2beta1/runs", "/apis/v2beta1/runs"),
        ("/apis//v2beta1///runs", "/apis/v2beta1/runs"),
        ("/apis/./v2beta1/runs/.", "/apis/v2beta1/runs"),
        ("/apis/x/../v2beta1/runs/", None),
        ("/apis/x/../v2beta1//runs/", "/apis/v2beta1/runs/"),
        ("/../../runs", "/runs"),
        ("/bogus//%2F%zz", "/bogus/%2F%zz"),
        ("//evil.example/x", "/evil.example/x"),
    ],
)
def test_a_path_that_is_not_clean_is_moved(path: str, clean: str | None) -> None:
    assert TABLE.match("GET", path) == Redirect(clean or "/apis/v2beta1/runs/")


@given(st.text(alphabet="/.a%2Fx:", max_size=12).map("/".__add__))
def test_a_cleaned_path_is_clean_and_stays_on_this_host(path: str) -> None:
    for verb in ("GET", "POST"):
        try:
            match = TABLE.match(verb, path)
        except InvalidArgument:
            continue
        if isinstance(match, Redirect):
            assert match.path != path
            assert match.path.startswith("/")
            assert "//" not in match.path


def test_a_target_for_any_verb_goes_before_templates_that_merely_fit() -> None:
    router = Router[str]()
    router.add("POST", "/p/upload", "upload")
    router.add(ANY_VERB, "/p/upload", "wrong verb")
    router.add("POST", "/p/create", "create")
    router.add("GET", "/p/{id}", "get")
    targets = [
        router.match(verb, path)
        for verb, path in [("POST", "/p/upload"), ("GET", "/p/upload"), ("GET", "/p/create"), ("POST", "/p/x")]
    ]
    assert [match.target if isinstance(match, Match) else None for match in targets] == [
        "upload",
        "wrong verb",
        "get",
        None,
    ]


@pytest.mark.parametrize(
    "template", ["runs", "/runs/{a b}", "/runs/{run_id", "/runs/x{y}", "/runs/*", "/{name=runs/*}"]
)
def test_a_malformed_template_stops_the_start(template: str) -> None:
    with pytest.raises(BadTemplate):
        Router[str]().add("GET", template, "x")


def test_one_template_cannot_be_served_twice() -> None:
    router = Router[str]()
    router.add("GET", "/runs/{run_id}", "one")
    with pytest.raises(BadTemplate, match="served twice"):
        router.add("GET", "/runs/{id}", "two")


def files_table() -> Router[str]:
    """Routes with a `{path=**}` beside routes that are more precise."""
    router = Router[str]()
    for template in ("/f/{path=**}", "/f/{id}/info", "/f/list", "/f/deep/er/{path=**}", "/f/{id}/x/{rest=**}"):
        router.add("GET", template, template)
    router.add("PUT", "/f/{path=**}", "PUT")
    return router


@pytest.mark.parametrize(
    ("path", "target", "values"),
    [
        ("/f/a", "/f/{path=**}", {"path": "a"}),
        ("/f/a/b/c.bin", "/f/{path=**}", {"path": "a/b/c.bin"}),
        ("/f/a%2Fb/%C3%A9", "/f/{path=**}", {"path": "a/b/é"}),
        ("/f/a:b/c:d", "/f/{path=**}", {"path": "a:b/c:d"}),
        ("/f/", "/f/{path=**}", {"path": ""}),
        ("/f/a/", "/f/{path=**}", {"path": "a/"}),
        ("/f/a//b", "/f/{path=**}", {"path": "a//b"}),
        ("/f/../x", "/f/{path=**}", {"path": "../x"}),
        ("/f/./list", "/f/{path=**}", {"path": "./list"}),
        ("/f/../info", "/f/{path=**}", {"path": "../info"}),
        ("/f/list", "/f/list", {}),
        ("/f/a/info", "/f/{id}/info", {"id": "a"}),
        ("/f/deep/er/x/y", "/f/deep/er/{path=**}", {"path": "x/y"}),
        ("/f/deep/x/y", "/f/{id}/x/{rest=**}", {"id": "deep", "rest": "y"}),
        ("/f/a/x/../y", "/f/{id}/x/{rest=**}", {"id": "a", "rest": "../y"}),
    ],
)
def test_a_last_field_may_take_the_rest_of_a_path(path: str, target: str, values: dict[str, str]) -> None:
    match = files_table().match("GET", path)
    assert isinstance(match, Match), match
    assert (match.target, match.values) == (target, values)


def test_dots_before_the_rest_of_a_path_are_cleaned_away_as_ever() -> None:
    assert files_table().match("GET", "/x/../f/a") == Redirect("/f/a")
    assert files_table().match("GET", "//f/a") == Redirect("/f/a")
    assert isinstance(files_table().match("GET", "/f"), NoRoute)
    assert files_table().match("POST", "/f/a//b") == WrongVerb(("GET", "PUT"))


@pytest.mark.parametrize("template", ["/f/{a=**}/x", "/f/{a=*}", "/f/{a=**}:verb", "/f/{=**}", "/f/x{a=**}"])
def test_a_field_that_takes_the_rest_must_be_the_last(template: str) -> None:
    with pytest.raises(BadTemplate):
        Router[str]().add("GET", template, "")
