"""The documents are valid, complete, and refer to nothing that is not there."""

import re
from collections import Counter
from typing import Any

import openapi_spec_validator
import pytest
from google.protobuf.descriptor import Descriptor
from openapi_document import constraints
from openapi_document.operations import operation_id, shown_path
from openapi_document.schemas import PACKAGES, short_name

from server import __version__
from server.api import Api
from server.apis.kfp.api import KFP
from server.apis.kfp.methods import FILES as KFP_FILES
from server.apis.kfp_v1beta1.api import KFP_V1BETA1
from server.apis.lineal.methods import FILES as LINEAL_FILES
from server.calls.methods import Method
from tests.openapi.document import DOCUMENTS, KFPS, LINEALS, Document, parts, referred_to

HEALTH = {"/healthz", "/readyz", "/metrics", "/apis/v1beta1/healthz", "/apis/v2beta1/healthz"}
INPUTS = [
    (document, name)
    for document in DOCUMENTS
    for name in document.schemas
    if name.endswith(("Input", "Patch", "Request", "Item"))
]

of_every_api = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.api.name)


def served(api: Api) -> list[Method]:
    """The methods of an API that a document has."""
    return [method for method in api.methods if method.handler is not None and method.http is not None]


def messages() -> list[Descriptor]:
    """All messages of the served files and of those they import."""
    files = {each.name: each for file in (*KFP_FILES, *LINEAL_FILES) for each in (file, *file.dependencies)}
    found: list[Descriptor] = []
    waiting = [message for file in files.values() for message in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop()
        found.append(message)
        waiting += message.nested_types
    return found


@of_every_api
def test_the_document_is_valid_openapi(document: Document) -> None:
    openapi_spec_validator.validate(document.content)
    assert document.content["openapi"].startswith("3.1.")


@of_every_api
def test_the_document_says_the_servers_version(document: Document) -> None:
    assert document.content["info"]["version"] == __version__
    assert document.content["servers"] == [{"url": "/"}]


@of_every_api
def test_operation_ids_are_unique(document: Document) -> None:
    counted = Counter(operation["operationId"] for _, _, operation in document.operations())
    assert [name for name, count in counted.items() if count > 1] == []


@pytest.mark.parametrize(
    ("document", "method"),
    [pytest.param(each, method, id=method.name) for each in DOCUMENTS for method in served(each.api)],
)
def test_every_served_method_is_there_once(document: Document, method: Any) -> None:
    found = [
        (verb, path)
        for verb, path, operation in document.operations()
        if operation["operationId"] == operation_id(method)
    ]
    assert found == [(method.http.verb, shown_path(method.http))]


def test_the_document_of_lineals_api_has_its_methods_and_nothing_else() -> None:
    rpcs = [(method.http.verb, shown_path(method.http)) for method in served(LINEALS.api) if method.http]
    assert rpcs
    assert sorted((verb, path) for verb, path, _ in LINEALS.operations()) == sorted(rpcs)
    assert {name for name in LINEALS.content["components"]["schemas"] if name.startswith(("Run", "Pipeline"))} <= {
        short_name(message.full_name) for message in messages() if message.full_name.startswith("lineal.v1.")
    }


def test_no_two_messages_have_the_same_short_name() -> None:
    ours = [message.full_name for message in messages() if message.full_name.startswith(PACKAGES)]
    assert len({short_name(name) for name in ours}) == len(set(ours)) > 50


def test_every_plain_route_is_there_and_nothing_else() -> None:
    routes = {(verb, route.template) for api in (KFP, KFP_V1BETA1) for route in api.routes for verb in route.verbs}
    # The document calls the field of these paths as v1beta1's clients do, a template as the request message does.
    deletions = {(alias.verb, re.sub(r"\{\w+\}", "{id}", alias.template)) for alias in KFP_V1BETA1.aliases}
    health = {("GET", path) for path in HEALTH}
    rpcs = {(method.http.verb, shown_path(method.http)) for method in served(KFP) if method.http}
    assert {(verb, path) for verb, path, _ in KFPS.operations()} == routes | deletions | health | rpcs


@of_every_api
def test_the_fields_of_a_path_are_its_parameters(document: Document) -> None:
    for _, path, operation in document.operations():
        named = [item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"]
        assert named == re.findall(r"\{(.+?)\}", path)


@of_every_api
def test_every_reference_leads_somewhere_and_every_schema_is_used(document: Document) -> None:
    referred = referred_to(document.content)
    there = {f"#/components/{kind}/{name}" for kind, found in document.content["components"].items() for name in found}
    assert referred <= there
    assert there <= referred


@of_every_api
def test_operations_and_fields_say_what_they_are(document: Document) -> None:
    for _, path, operation in document.operations():
        assert operation["summary"], path
        assert all(item["description"] for item in operation.get("parameters", ())), path
    tags = {tag["name"] for tag in document.content["tags"] if tag["description"]}
    assert {tag for _, _, operation in document.operations() for tag in operation["tags"]} == tags
    ours = {short_name(message.full_name) for message in messages() if message.full_name.startswith(PACKAGES)}
    for name, schema in document.schemas.items():
        if name.removesuffix("Input").removesuffix("Patch") in ours:
            assert all(field["description"] for field in schema["properties"].values()), name


@pytest.mark.parametrize(("document", "name"), [pytest.param(*each, id=each[1]) for each in INPUTS])
def test_what_a_request_need_not_give_may_be_null(document: Document, name: str) -> None:
    required = document.schemas[name].get("required", ())
    for field, schema in document.schemas[name]["properties"].items():
        takes_null = "null" in str(schema.get("type")) or {"type": "null"} in schema.get("anyOf", ())
        is_any = schema.get("$ref") == "#/components/schemas/JsonValue"
        assert takes_null == (field not in required) or is_any, field


@of_every_api
def test_answers_hold_no_null(document: Document) -> None:
    responses = [operation["responses"] for _, _, operation in document.operations()]
    answers = [response["200"] for response in responses if "200" in response]
    seen: set[str] = set()
    waiting = referred_to(answers)
    while waiting:
        seen |= waiting
        found = [document.schemas[name.rpartition("/")[2]] for name in waiting]
        assert not [part for part in parts(found) if "null" in str(part.get("type"))]
        waiting = referred_to(found) - seen


def test_links_lead_to_operations_and_fill_what_they_take() -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in KFPS.operations()}
    links = [
        link
        for _, _, operation in KFPS.operations()
        for link in operation["responses"]["200"].get("links", {}).values()
    ]
    assert len(links) > 50
    for link in links:
        target = by_id[link["operationId"]]
        known = {f"{item['in']}.{item['name']}" for item in target.get("parameters", ())}
        assert link.get("parameters", {}).keys() <= known
        assert "requestBody" not in link or "requestBody" in target


def test_every_name_among_the_constraints_is_a_field() -> None:
    known = {short_name(message.full_name): message for message in messages()}
    fields = {f"{name}.{field.name}" for name, message in known.items() for field in message.fields}
    for table in (constraints.FIELDS, constraints.NOT_IN_REQUESTS, constraints.NOT_IN_LISTS, constraints.UNREAD):
        assert set(table) <= fields
    for choice in (constraints.ALWAYS_THERE, constraints.CHANGEABLE, constraints.ONE_OF_THESE):
        assert {f"{name}.{field}" for name, named in choice.items() for field in named} <= fields
    assert constraints.CASES.keys() <= known.keys()
