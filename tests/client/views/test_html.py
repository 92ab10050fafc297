"""What notebooks show of messages: whole, escaped, readable on white and on black, with links to the UI."""

import re
from datetime import UTC, datetime

import lineal
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from lineal import _markup as markup
from lineal import html
from lineal.v1 import lineage_pb2, overview_pb2
from lineal.v2beta1.artifact_pb2 import Artifact
from lineal.v2beta1.run_pb2 import GetRunRequest, Run

from tests.client.messages import a_graph, a_task
from tests.client.views.pages import Page

UI = "https://lineal.example/ui/"
POISON = "<img src=x onerror=poisoned=1><script>poisoned=1</script>\"'&{{7*7}}</table></pre>\x1b[2J\u202e"
KINDS = [*html.CLASSES, lineage_pb2.Node]


def poisoned(kind: type[Message], depth: int = 0) -> Message:
    """A message with markup in every text that it has, and something in every list."""
    message = kind()
    if isinstance(message, Struct):
        message.update({POISON: POISON})
        return message
    for field in kind.DESCRIPTOR.fields:
        if field.is_repeated and field.message_type is not None and not field.message_type.GetOptions().map_entry:
            if depth < 4:
                getattr(message, field.name).add().CopyFrom(poisoned(field.message_type._concrete_class, depth + 1))
        elif field.is_repeated:
            poison_map(getattr(message, field.name), field)
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, POISON)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            setattr(message, field.name, field.enum_type.values[-1].number)
        elif field.message_type is not None and depth < 4 and field.message_type.full_name != "google.protobuf.Value":
            getattr(message, field.name).CopyFrom(poisoned(field.message_type._concrete_class, depth + 1))
    return message


def poison_map(values: object, field: FieldDescriptor) -> None:
    """Put markup into a map of values; others stay empty."""
    kind = field.message_type.fields_by_name["value"].message_type if field.message_type else None
    if kind is not None and kind.full_name == "google.protobuf.Value":
        values[POISON].string_value = POISON


@pytest.mark.parametrize("kind", html.CLASSES, ids=lambda kind: kind.DESCRIPTOR.name)
@pytest.mark.parametrize("ui_url", ["", UI])
def test_markup_in_names_is_shown_and_does_nothing(kind, ui_url):
    page = Page(html.of_message(poisoned(kind), ui_url))
    page.check_inert()
    assert "<img src=x onerror=poisoned=1>" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DESCRIPTOR.name)
def test_markup_in_tables_is_shown_and_does_nothing(kind):
    page = Page(html.of_rows([poisoned(kind)] * 2, title=POISON, ui_url=UI))
    page.check_inert()
    assert "<img src=x" in page.text
    assert page.elements["tr"] == 3


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DESCRIPTOR.name)
def test_messages_without_anything_are_shown(kind):
    if kind in html.CLASSES:
        Page(html.of_message(kind(), UI)).check_inert()
    Page(html.of_rows([kind()], title="x", ui_url=UI)).check_inert()


@pytest.mark.parametrize(
    "uri", ["javascript:poisoned=1", "JaVaScRiPt://x", "data:text/html,x", "file:///etc/passwd", "//x", "s3://b"]
)
def test_only_addresses_of_the_web_are_links(uri):
    assert Page(html.of_message(Artifact(name="a", uri=uri))).links == []
    assert Page(html.of_rows([Artifact(name="a", uri=uri)], title="x")).links == []
    assert uri in Page(html.of_message(Artifact(name="a", uri=uri))).text
    assert Page(html.of_message(Artifact(name="a"), uri)).links == []


def test_a_uri_of_the_web_is_a_link():
    page = Page(html.of_message(Artifact(name="a", uri="https://x.example/a?b=1&c=\"'")))
    assert page.links == ["https://x.example/a?b=1&c=\"'"]


def test_links_lead_to_the_ui():
    task = a_task("t/1", state="RUNNING")
    task.run_id = "r 1"
    run = Run(run_id="r 1", display_name="churn", experiment_id="e", tasks=[task])
    assert Page(html.of_message(run, UI)).links == [
        f"{UI}runs/r%201",
        f"{UI}experiments/e",
        f"{UI}runs/r%201/tasks/t%2F1",
    ]
    assert Page(html.of_message(run)).links == []


def test_links_of_a_lineage_lead_to_its_nodes():
    graph = a_graph()
    graph.nodes[1].run = "run/r"
    links = Page(html.of_message(graph, UI)).links
    assert links[:3] == [f"{UI}artifacts/m", f"{UI}runs/r/tasks/t", f"{UI}artifacts/d"]


def test_a_run_is_shown_with_its_parameters_metrics_and_tasks(demo, runs):
    run = demo.get_run(runs["churn 12"].run_id, view="FULL")
    text = Page(html.of_message(run)).text
    for words in (
        "churn 12",
        "Failed",
        "34 min",
        "Parameters (3)",
        "learning_rate",
        "auc",
        "Tasks (13)",
        "the registry refused",
    ):
        assert words in text


def test_a_run_without_its_tasks_does_not_pretend_to_have_none(runs):
    assert "Tasks" not in Page(html.of_message(runs["churn 12"])).text


def test_a_large_run_is_cut():
    tasks = [a_task(f"t{each}", state="RUNNING") for each in range(html.LINES_MAX + 5)]
    run = Run(run_id="r", display_name="large", tasks=tasks)
    for each in range(30):
        run.runtime_config.parameters[f"p{each:02}"].number_value = each
    run.runtime_config.parameters["p00"].string_value = "x" * 100_000
    shown = html.of_message(run)
    assert "… and 5 more lines" in shown
    assert "… and 10 more" in shown
    assert len(shown) < 100_000


def test_a_listing_shows_its_first_rows(demo):
    page = Page(demo.list_runs(sort_by="created_at desc")._repr_html_())
    page.check_inert()
    assert page.elements["tr"] == 21
    assert "first 20 runs" in page.text
    assert "… and more" in page.text
    few = Page(demo.list_runs(filter=lineal.F.state == "RUNNING")._repr_html_())
    assert "… and more" not in few.text


@pytest.mark.parametrize(
    "listing", ["list_artifacts", "list_experiments", "list_pipelines", "list_run_summaries", "list_recurring_runs"]
)
def test_every_listing_has_a_table(demo, listing):
    Page(getattr(demo, listing)()._repr_html_()).check_inert()


def test_an_empty_listing_says_so(demo):
    assert Page(demo.list_runs(filter=lineal.F.name == "nobody")._repr_html_()).text == "runs: none"


def test_times_are_those_of_utc():
    run = Run(run_id="r")
    run.created_at.FromDatetime(datetime(2026, 1, 31, 12, 30, 59, tzinfo=UTC))
    assert "2026-01-31 12:30 UTC" in Page(html.of_message(run)).text
    assert "1970" not in html.of_message(Run(run_id="r", finished_at={"seconds": 0}))


def luminance(color: str) -> float:
    parts = [int(color[each : each + 2], 16) / 255 for each in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("page", ["#ffffff", "#111111", "#1e1e1e"])
def test_signs_of_states_are_told_from_white_and_black_pages(page):
    for color, _ in markup.STATE_SIGNS.values():
        light, dark = sorted((luminance(color), luminance(page)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3


def test_words_have_the_colours_of_the_notebook(demo, runs):
    shown = html.of_message(demo.get_run(runs["churn 4"].run_id, view=GetRunRequest.FULL), UI)
    colored = re.findall(r"<span([^>]*)style=\"color:#", shown)
    assert colored
    assert set(colored) == {' aria-hidden="true" '}
    assert not re.search(r"background(-color)?:(?!none)", shown)


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError, match="Overview has no form in HTML"):
        html.of_message(overview_pb2.Overview())
