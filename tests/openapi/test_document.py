"""The document is valid, complete, and refers to nothing that is not there."""

import re
from collections import Counter
from typing import Any

import openapi_spec_validator
import pytest
from google.protobuf.descriptor import Descriptor
from openapi_document import constraints
from openapi_document.operations import operation_id, shown_path
from openapi_document.schemas import PACKAGE

from server import __version__
from server.apis.kfp.api import KFP
from server.apis.kfp.methods import FILES, METHODS
from server.apis.kfp_v1beta1.api import KFP_V1BETA1
from tests.openapi.document import DOCUMENT, SCHEMAS, operations, parts, referred_to

SERVED = [method for method in METHODS if method.handler is not None and method.http is not None]
HEALTH = {"/healthz", "/readyz", "/metrics", "/apis/v1beta1/healthz", "/apis/v2beta1/healthz"}
INPUTS = [name for name in SCHEMAS if name.endswith(("Input", "Patch", "Request", "Item"))]


def messages() -> dict[str, Descriptor]:
    """All messages of the served files and of those they import, by name without the package."""
    files = {imported.name: imported for file in FILES for imported in (file, *file.dependencies)}
    found: dict[str, Descriptor] = {}
    waiting = [message for file in files.values() for message in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop()
        found[message.full_name.removeprefix(PACKAGE)] = message
        waiting += message.nested_types
    return found


def test_the_document_is_valid_openapi() -> None:
    openapi_spec_validator.validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_the_document_says_the_servers_version() -> None:
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_operation_ids_are_unique() -> None:
    counted = Counter(operation["operationId"] for _, _, operation in operations())
    assert [name for name, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("method", SERVED, ids=lambda method: method.name)
def test_every_served_method_is_there_once(method: Any) -> None:
    found = [(verb, path) for verb, path, operation in operations() if operation["operationId"] == operation_id(method)]
    assert found == [(method.http.verb, shown_path(method.http))]


def test_every_plain_route_is_there_and_nothing_else() -> None:
    routes = {(verb, route.template) for api in (KFP, KFP_V1BETA1) for route in api.routes for verb in route.verbs}
    # The document calls the field of these paths as v1beta1's clients do, a template as the request message does.
    deletions = {(alias.verb, re.sub(r"\{\w+\}", "{id}", alias.template)) for alias in KFP_V1BETA1.aliases}
    health = {("GET", path) for path in HEALTH}
    rpcs = {(method.http.verb, shown_path(method.http)) for method in SERVED if method.http}
    assert {(verb, path) for verb, path, _ in operations()} == routes | deletions | health | rpcs


def test_the_fields_of_a_path_are_its_parameters() -> None:
    for _, path, operation in operations():
        named = [item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"]
        assert named == re.findall(r"\{(.+?)\}", path)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    referred = referred_to(DOCUMENT)
    there = {f"#/components/{kind}/{name}" for kind, found in DOCUMENT["components"].items() for name in found}
    assert referred <= there
    assert there <= referred


def test_operations_and_fields_say_what_they_are() -> None:
    for _, path, operation in operations():
        assert operation["summary"], path
        assert all(item["description"] for item in operation.get("parameters", ())), path
    tags = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert {tag for _, _, operation in operations() for tag in operation["tags"]} == tags
    ours = {name for name, message in messages().items() if message.full_name.startswith(PACKAGE)}
    for name, schema in SCHEMAS.items():
        if name.removesuffix("Input").removesuffix("Patch") in ours:
            assert all(field["description"] for field in schema["properties"].values()), name


@pytest.mark.parametrize("name", INPUTS)
def test_what_a_request_need_not_give_may_be_null(name: str) -> None:
    required = SCHEMAS[name].get("required", ())
    for field, schema in SCHEMAS[name]["properties"].items():
        takes_null = "null" in str(schema.get("type")) or {"type": "null"} in schema.get("anyOf", ())
        is_any = schema.get("$ref") == "#/components/schemas/JsonValue"
        assert takes_null == (field not in required) or is_any, field


def test_answers_hold_no_null() -> None:
    answers = [operation["responses"]["200"] for _, _, operation in operations() if "200" in operation["responses"]]
    seen: set[str] = set()
    waiting = referred_to(answers)
    while waiting:
        seen |= waiting
        found = [SCHEMAS[name.rpartition("/")[2]] for name in waiting]
        assert not [part for part in parts(found) if "null" in str(part.get("type"))]
        waiting = referred_to(found) - seen


def test_links_lead_to_operations_and_fill_what_they_take() -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations()}
    links = [
        link for _, _, operation in operations() for link in operation["responses"]["200"].get("links", {}).values()
    ]
    assert len(links) > 50
    for link in links:
        target = by_id[link["operationId"]]
        known = {f"{item['in']}.{item['name']}" for item in target.get("parameters", ())}
        assert link.get("parameters", {}).keys() <= known
        assert "requestBody" not in link or "requestBody" in target


def test_every_name_among_the_constraints_is_a_field() -> None:
    known = messages()
    fields = {f"{name}.{field.name}" for name, message in known.items() for field in message.fields}
    for table in (constraints.FIELDS, constraints.NOT_IN_REQUESTS, constraints.NOT_IN_LISTS, constraints.UNREAD):
        assert set(table) <= fields
    for choice in (constraints.ALWAYS_THERE, constraints.CHANGEABLE, constraints.ONE_OF_THESE):
        assert {f"{name}.{field}" for name, named in choice.items() for field in named} <= fields
    assert constraints.CASES.keys() <= known.keys()
