"""Whatever a method may answer fits what the document says of it."""

import json
from typing import Any

import jsonschema
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from openapi_document.schemas import short_name

from server.doors.rest.json_writer import message_json
from tests.openapi.document import DOCUMENTS, KFPS
from tests.rest.messages import METHODS, RESPONSES, messages

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
ANSWERED = [
    (document, response)
    for document in DOCUMENTS
    for response in RESPONSES
    if short_name(response.DESCRIPTOR.full_name) in document.schemas
]


def loosened(plain: Any) -> Any:
    """The document without what only the services see to: fields that are always there, finite numbers, known enums."""
    if isinstance(plain, list):
        return [loosened(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    kept = {name: loosened(item) for name, item in plain.items() if name != "required" or not isinstance(item, list)}
    if kept.get("type") == "number":
        return {"anyOf": [kept, {"enum": list(NOT_FINITE)}]}
    return {"anyOf": [kept, {"type": "integer"}]} if "enum" in kept and kept.get("type") == "string" else kept


COMPONENTS = {document.api.name: loosened(document.content["components"]) for document in DOCUMENTS}


@pytest.mark.parametrize(
    ("name_of_api", "response"),
    [pytest.param(each.api.name, response, id=response.DESCRIPTOR.name) for each, response in ANSWERED],
)
@given(data=st.data())
def test_any_answer_fits_its_schema(name_of_api: str, response: type[Message], data: st.DataObject) -> None:
    name = short_name(response.DESCRIPTOR.full_name)
    schema = {"$ref": f"#/components/schemas/{name}", "components": COMPONENTS[name_of_api]}
    plain = json.loads(message_json(data.draw(messages(response.DESCRIPTOR))))
    jsonschema.validate(plain, schema, cls=jsonschema.Draft202012Validator)


def test_most_answers_are_checked() -> None:
    served = {method.response for method in METHODS if method.handler is not None}
    assert len(served & {response for _, response in ANSWERED}) >= len(served) - 1


def test_an_unknown_field_does_not_fit() -> None:
    schema = {"$ref": "#/components/schemas/Run", "components": COMPONENTS[KFPS.api.name]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"planted": 1}, schema, cls=jsonschema.Draft202012Validator)
