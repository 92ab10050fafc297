"""What a package's text must be, and what is kept of it. The recorded cases are answers of Kubeflow Pipelines' API server."""

import contextlib
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineal.v2beta1 import pipeline_pb2

from server.errors import InvalidArgument
from server.packages.package import read_package
from server.packages.specs import read_spec
from server.well_known.values import set_struct

RECORDED = json.loads((pathlib.Path(__file__).parent / "recorded_specs.json").read_text())
SPEC = {"pipelineInfo": {"name": "x"}, "schemaVersion": "2.1.0", "root": {}}
YAML_SPEC = "pipelineInfo: {name: x}\nschemaVersion: 2.1.0\nroot: {}\n"


def package_of(**fields: Any) -> bytes:
    return json.dumps({**SPEC, **fields}).encode()


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidArgument) as caught:
        read_package(data)
    assert caught.value.reason == "INVALID_PIPELINE_SPEC"
    return caught.value.message


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["case"])
def test_recorded_packages_are_accepted_or_refused_as_recorded(case: dict[str, Any]) -> None:
    if case["accepted"]:
        assert read_package(case["text"].encode()).spec.pipeline_info.name
    else:
        refusal(case["text"].encode())


@pytest.mark.parametrize("case", [case for case in RECORDED if "stored" in case], ids=lambda case: case["case"])
def test_recorded_packages_are_stored_as_recorded(case: dict[str, Any]) -> None:
    stored = read_package(case["text"].encode()).text

    # Both are read by receivers as doubles, and are written differently.
    assert json.loads(stored, parse_int=float) == json.loads(json.dumps(case["stored"]), parse_int=float)


def test_the_stored_text_is_compact_with_sorted_keys_and_whole_numbers_without_fraction() -> None:
    package = read_package(package_of(deploymentSpec={"b": 5.0, "a": [1e20, 2, 0.5, "ü"]}, sdkVersion=""))

    assert package.text == (
        '{"deploymentSpec":{"a":[1e+20,2,0.5,"ü"],"b":5},"pipelineInfo":{"name":"x"},"root":{},"schemaVersion":"2.1.0"}'
    )


def test_a_stored_text_is_a_spec_that_a_run_can_be_created_from() -> None:
    platform = b"---\nplatforms: {kubernetes: {}}\n"

    for text in (YAML_SPEC.encode(), YAML_SPEC.encode() + platform):
        assert read_spec(json.loads(read_package(text).text)) == read_package(text).spec


def test_a_name_that_uploads_refuse_passes_when_names_are_not_strict() -> None:
    data = package_of(pipelineInfo={"name": "Upper_Case"})

    assert "Upper_Case" in refusal(data)
    assert read_package(data, strict_name=False).spec.pipeline_info.name == "Upper_Case"


def test_a_name_may_not_end_in_a_line_break() -> None:
    refusal(package_of(pipelineInfo={"name": "x\n"}))


@pytest.mark.parametrize(
    "fields",
    [
        {"schemaVersion": 2.1},
        {"schemaVersion": "2.1"},
        {"schemaVersion": "2.1.0 "},
        {"root": None},
        {"root": ""},
        {"root": []},
        {"root": {"dag": {"tasks": {"a": ""}}}},
        {"root": {"dag": {"tasks": {"a": None}}}},
        {"root": {"dag": {"tasks": {"a": {"retryPolicy": []}}}}},
        {"root": {"dag": {"tasks": {"a": {"triggerPolicy": {"strategy": "BOGUS"}}}}}},
        {"root": {"dag": {}, "executorLabel": "one of two"}},
        {"pipeline_info": {"name": "both-spellings"}},
        {"root": {"inputDefinitions": {}, "input_definitions": {}}},
        {"deploymentSpec": []},
        {"components": []},
        {"pipelineInfo": {"name": 1}},
        {"sdkVersion": 2.13},
    ],
    ids=repr,
)
def test_what_is_not_exactly_a_pipeline_spec_is_refused(fields: dict[str, Any]) -> None:
    refusal(package_of(**fields))


def test_schema_version_2_1_0_is_text_in_yaml_and_2_1_is_not() -> None:
    assert read_package(YAML_SPEC.encode()).spec.schema_version == "2.1.0"
    refusal(YAML_SPEC.replace("2.1.0", "2.1").encode())


def test_an_argo_workflow_is_refused_by_name_only_when_it_comes_first() -> None:
    workflow = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"

    assert "Argo" in refusal(f"{workflow}---\n{YAML_SPEC}".encode())
    assert read_package(f"{YAML_SPEC}---\n{workflow}".encode()).spec.pipeline_info.name == "x"


@pytest.mark.parametrize("document", ["- 1", "text", "1", "'null'", "a: [", "a: 1\na: 2", "a: &x {b: *x}", "a: .inf"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_bad_document_spoils_the_package_wherever_it_stands(document: str, order: str) -> None:
    texts = [document, YAML_SPEC] if order == "before" else [YAML_SPEC, document]

    refusal("\n---\n".join(texts).encode())


@pytest.mark.parametrize("text", ["", "\n", "---\n---\n", "# nothing\n", "null\n", "~\n", "\ufeff"])
def test_a_package_without_documents_is_refused(text: str) -> None:
    assert "no document" in refusal(text.encode())


def test_a_platform_spec_alone_is_refused() -> None:
    assert "no document" in refusal(b"platforms: {kubernetes: {}}")


def test_nul_characters_are_refused() -> None:
    assert "NUL" in refusal(package_of(deploymentSpec={"a": "\x00"}))


def test_numbers_that_no_double_holds_are_refused() -> None:
    for number in ("1e999", "-1e999", "NaN", "Infinity", "1" * 400):
        refusal(package_of(deploymentSpec={"a": "?"}).replace(b'"?"', number.encode()))


def nested_lists(levels: int) -> Any:
    nested: Any = "x"
    for _ in range(levels):
        nested = [nested]
    return nested


def test_a_spec_that_no_client_could_read_back_is_refused() -> None:
    assert "nested" in refusal(package_of(deploymentSpec={"a": nested_lists(44)}))

    answer: Any = pipeline_pb2.ListPipelineVersionsResponse()
    stored = read_package(package_of(deploymentSpec={"a": nested_lists(43)})).text
    set_struct(answer.pipeline_versions.add().pipeline_spec, json.loads(stored))
    assert pipeline_pb2.ListPipelineVersionsResponse.FromString(answer.SerializeToString()) == answer


@pytest.mark.parametrize("opening", ["[", '{"a":', "- ", "? ", "a: {"])
def test_deep_nesting_is_refused_whatever_it_is_made_of(opening: str) -> None:
    refusal((YAML_SPEC + "deploymentSpec: " + opening * 100_000).encode())
    refusal(b'{"a": ' + opening.encode() * 100_000)


def test_what_cannot_be_stored_in_one_column_is_refused() -> None:
    assert "larger than" in refusal(package_of(deploymentSpec={"a": "x" * (16 * 1024 * 1024)}))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_text_fails_in_another_way_than_by_refusal(data: bytes) -> None:
    refusal(data)


PIECES = st.sampled_from(
    [
        YAML_SPEC,
        "---\n",
        "- ",
        "a",
        ": ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "{",
        "}",
        "[",
        "]",
        "\n",
        "'",
        "|\n ",
        "%",
        "? ",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_mix_of_yaml_fails_in_another_way_than_by_refusal(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert json.loads(read_package(text.encode()).text)["schemaVersion"] == "2.1.0"
