"""Messages → JSON Schema, as the REST door writes and reads them. The document writer calls this.

The schema of a message in responses is strict: it has only what the writer writes. In requests it allows what the reader
accepts: null for absent fields, numbers as text, enums by number. A message in both has two schemas, `Run` and `RunInput`; one
that a PATCH sends has a third if its fields are otherwise required, `PipelinePatch`.
"""

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from openapi_document import constraints, forms
from openapi_document.comments import Comments
from openapi_document.forms import Schema, reference

PACKAGES = ("kubeflow.pipelines.backend.api.v2beta1.", "lineal.v1.")
"""The packages of the APIs that have a document. No two of them have a message of the same name."""
FOREIGN = {"google.rpc.Status": "Status", "google.protobuf.Empty": "Empty"}


def short_name(full_name: str) -> str:
    """Return the name of a message, enum or field without the package."""
    package = next((package for package in PACKAGES if full_name.startswith(package)), "")
    return FOREIGN.get(full_name, full_name.removeprefix(package))


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


class Schemas:
    """The named schemas of a document, initially `known`; requesting one adds it and those to which it refers."""

    def __init__(self, comments: Comments, *, known: dict[str, Schema]) -> None:
        self._comments = comments
        self.by_name = dict(known)

    def output(self, message: Descriptor) -> Schema:
        """Return the schema of a message in a response."""
        if message.full_name in forms.OUTPUT_MESSAGES:
            return dict(forms.OUTPUT_MESSAGES[message.full_name])
        name = short_name(message.full_name)
        if name not in self.by_name:
            self.by_name[name] = {}
            properties = {field.name: self._output_field(field) for field in message.fields}
            self.by_name[name] = _object(self._description(message.full_name), properties)
            if name in constraints.ALWAYS_THERE:
                self.by_name[name]["required"] = list(constraints.ALWAYS_THERE[name])
        return reference(name)

    def takes_empty(self, schema: Schema) -> bool:
        """Return whether a schema is that of a message without required fields."""
        schema_of_name = self.by_name.get(str(schema.get("$ref", "")).rpartition("/")[2])
        return schema_of_name is not None and not schema_of_name.keys() & {"required", "allOf"}

    def _output_field(self, field: FieldDescriptor) -> Schema:
        schema = self._output_value(field)
        if is_map(field):
            assert field.message_type is not None
            schema = {
                "type": "object",
                "additionalProperties": self._output_value(field.message_type.fields_by_name["value"]),
            }
        elif field.is_repeated:
            schema = {"type": "array", "items": schema}
        return self._with_comment(schema, field)

    def _output_value(self, field: FieldDescriptor) -> Schema:
        if is_map(field):
            return {}
        if field.message_type is not None:
            return self.output(field.message_type)
        return (
            self._enum(field.enum_type) if field.enum_type is not None else dict(forms.OUTPUT_SCALARS[field.cpp_type])
        )

    def _enum(self, enum: EnumDescriptor) -> Schema:
        name = short_name(enum.full_name)
        if name not in self.by_name:
            text = f"{self._description(enum.full_name)}\n{self.values_text(enum)}"
            self.by_name[name] = {"type": "string", "enum": [value.name for value in enum.values], "description": text}
        return reference(name)

    def values_text(self, enum: EnumDescriptor) -> str:
        """Return the values of an enum with their comments, as a list."""
        return "\n".join(
            f"- `{value.name}`: {self._comments.of(f'{enum.full_name}.{value.name}')}" for value in enum.values
        )

    def input(
        self, message: Descriptor, *, without: frozenset[str] = frozenset(), patch: bool = False, name: str = ""
    ) -> Schema:
        """Return the schema of a message in a request `without` some fields; in a patch none is required."""
        if message.full_name in forms.INPUT_MESSAGES:
            return dict(forms.INPUT_MESSAGES[message.full_name])
        short = short_name(message.full_name)
        if patch and short in constraints.CHANGEABLE:
            without |= {field.name for field in message.fields} - constraints.CHANGEABLE[short]
        required = [field for field in self._input_fields(message, without) if self._is_required(field)]
        patch = patch and (bool(required) or short in constraints.CHANGEABLE)
        name = name or (short if short.endswith("Request") else f"{short}Patch" if patch else f"{short}Input")
        if name not in self.by_name:
            self.by_name[name] = {}
            names = [] if patch else [field.name for field in required]
            fields = self._input_fields(message, without)
            properties = {field.name: self._input_field(field, required=field.name in names) for field in fields}
            schema = _object(self._description(message.full_name), properties)
            if names:
                schema["required"] = names
            conditions = _conditions(message, short, patch=patch)
            if conditions:
                schema["allOf"] = conditions
            self.by_name[name] = schema
        return reference(name)

    def _input_fields(self, message: Descriptor, without: frozenset[str]) -> list[FieldDescriptor]:
        return [
            field
            for field in message.fields
            if field.name not in without
            and not self._comments.is_output(field.full_name)
            and short_name(field.full_name) not in constraints.NOT_IN_REQUESTS
        ]

    def _is_required(self, field: FieldDescriptor) -> bool:
        return self._comments.is_required(field.full_name)

    def _input_field(self, field: FieldDescriptor, *, required: bool) -> Schema:
        limits = constraints.FIELDS.get(short_name(field.full_name), {})
        if is_map(field):
            assert field.message_type is not None
            value = self._input_value(field.message_type.fields_by_name["value"], required=False)
            schema: Schema = {"type": "object", "additionalProperties": value, **forms.TEXT_KEYS, **limits}
            minimum = {"minProperties": 1}
        elif field.is_repeated:
            schema = {"type": "array", "items": self._item(field), **limits}
            minimum = {"minItems": 1}
        else:
            is_unread = short_name(field.full_name) in constraints.UNREAD
            schema = {"type": "string"} if is_unread else self._input_value(field, required=required) | limits
            minimum = {"minLength": 1} if schema.get("type") == "string" and "format" not in schema else {}
        schema_with_comment = self._with_comment(schema | minimum if required else _or_null(schema), field)
        if field.enum_type is not None:
            schema_with_comment["description"] += f"\n{self.values_text(field.enum_type)}"
        return schema_with_comment

    def _item(self, field: FieldDescriptor) -> Schema:
        own_schema = constraints.NOT_IN_LISTS.get(short_name(field.full_name))
        if own_schema is None:
            return self._input_value(field, required=False)
        assert field.message_type is not None
        return self.input(field.message_type, name=own_schema[0], without=own_schema[1])

    def _input_value(self, field: FieldDescriptor, *, required: bool) -> Schema:
        if field.message_type is not None:
            return self.input(field.message_type)
        if field.enum_type is None:
            return dict(forms.INPUT_SCALARS[field.cpp_type])
        # Both names and numbers are listed, since requests may use either; zero means unspecified.
        values = [value for value in field.enum_type.values if value.number or not required]
        choices = [value.name for value in values] + [value.number for value in values]
        return {"type": ["string", "integer"], "enum": choices}

    def _description(self, full_name: str) -> str:
        return "" if full_name.startswith("google.") else self._comments.of(full_name)

    def _with_comment(self, schema: Schema, field: FieldDescriptor) -> Schema:
        """Add a field's comment, and whether the field is deprecated."""
        text = "" if field.full_name.startswith("google.") else self._comments.of(field.full_name)
        schema_with_comment = schema | ({"description": text} if text else {})
        return schema_with_comment | ({"deprecated": True} if field.GetOptions().deprecated else {})


def _object(description: str, properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return ({"description": description} if description else {}) | schema


def _or_null(schema: Schema) -> Schema:
    """Return a schema that also allows null, which the reader treats as absent."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "type" not in schema:
        return schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    nullable = schema | {"type": [*types, "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _conditions(message: Descriptor, short: str, *, patch: bool) -> list[Schema]:
    """Return the conditions beyond those of the fields themselves; no two fields of a oneof may be set."""
    conditions: list[Schema] = [
        {"not": {"required": [first.name, second.name]}}
        for oneof in message.oneofs
        for index, first in enumerate(oneof.fields)
        for second in oneof.fields[index + 1 :]
    ]
    if short in constraints.CASES:
        conditions.append({"anyOf": constraints.CASES[short]})
    if short in constraints.ONE_OF_THESE and not patch:
        keywords_by_field = constraints.ONE_OF_THESE[short].items()
        cases = [
            {"required": [name], "properties": {name: {"type": "string", "minLength": 1, **keywords}}}
            for name, keywords in keywords_by_field
        ]
        conditions.append({"anyOf": cases})
    return conditions
