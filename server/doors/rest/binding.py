"""Converts HTTP requests to request messages, by the google.api.http rule of a method. The REST door calls this.

The body is read first, then the fields of the path, which override it, then the query, which sets only fields that neither
of them covers.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from server.calls.apart import apart
from server.calls.methods import HttpRule, Method
from server.doors.http.routes import BadTemplate, field_names
from server.doors.rest import query as query_strings
from server.doors.rest.json_body import NOTHING, decode
from server.doors.rest.json_reader import fill, scalar
from server.doors.rest.query import FieldPath, field_path, set_text
from server.doors.rest.unknown_fields import without_unknown
from storage.record import record

WHOLE_BODY = "*"
_NO_METADATA: Mapping[str, str] = {}


@record
class Bound:
    """A request message, and metadata for what it cannot express: which fields of the body are empty objects."""

    request: Message
    metadata: Mapping[str, str]


@record
class BodyForm:
    """What the body of a method's requests is: the whole message, or one field. Named by names, so that a process can be told."""

    message: type[Message]
    field_name: str | None
    empty_marks: Mapping[str, str]
    ignores_unknown: bool

    def read(self, request: Message, body: bytes | bytearray) -> Mapping[str, str]:
        """Write a body into an empty message, and return metadata for what it cannot express. Raises InvalidArgument."""
        plain = decode(body)
        field: Any = None if self.field_name is None else request.DESCRIPTOR.fields_by_name[self.field_name]
        if plain is NOTHING:
            # KFP's gateway reads an empty body as an empty message, not as an absent field.
            if field is not None and field.message_type is not None:
                getattr(request, field.name).SetInParent()
            return _NO_METADATA
        if field is None:
            self._fill(request, plain)
        elif field.message_type is None:
            if plain is not None:
                setattr(request, field.name, scalar(field, plain))
        else:
            part = getattr(request, field.name)
            part.SetInParent()
            self._fill(part, plain)
        return self._marks(plain)

    def _fill(self, message: Message, plain: Any) -> None:
        fill(message, without_unknown(message.DESCRIPTOR, plain) if self.ignores_unknown else plain)

    def _marks(self, plain: Any) -> Mapping[str, str]:
        if not self.empty_marks or type(plain) is not dict:
            return _NO_METADATA
        return {mark: "true" for name, mark in self.empty_marks.items() if plain.get(name) == {}}


def _read_body(form: BodyForm, body: bytes | bytearray) -> tuple[bytes, Mapping[str, str]]:
    request = form.message()
    metadata = form.read(request, body)
    return request.SerializeToString(), metadata


class Binding:
    """Creates the request messages of one method. Raises BadTemplate if the rule names a field that the message does not have."""

    def __init__(self, method: Method, rule: HttpRule, *, ignores_unknown: bool = False) -> None:
        self._takes_query = rule.takes_query and rule.body != WHOLE_BODY
        self._message = method.request
        self._descriptor: Any = method.request.DESCRIPTOR
        self._body = rule.body
        self._path_fields = {name: self._path_of(name) for name in field_names(rule.path)}
        self._body_field = None if rule.body in ("", WHOLE_BODY) else self._path_of(rule.body)[0]
        self._body_form = BodyForm(
            message=method.request,
            field_name=None if self._body_field is None else self._body_field.name,
            empty_marks=dict(method.empty_marks or {}),
            ignores_unknown=ignores_unknown,
        )

    def bind(self, values: Mapping[str, str], query: str, body: bytes | bytearray) -> Bound:
        """Return the request message. Raises InvalidArgument if the path, the query or the body does not fit it."""
        request = self._message()
        metadata = self._body_form.read(request, body) if self._body else _NO_METADATA
        return self._bound(request, values, query, metadata)

    async def bind_large(self, values: Mapping[str, str], query: str, body: bytes | bytearray) -> Bound:
        """Do the same with the body read in a helper process. Raises Unavailable if that is lost."""
        request = self._message()
        metadata = _NO_METADATA
        if self._body:
            data, metadata = await apart(_read_body, self._body_form, body)
            request.MergeFromString(data)
        return self._bound(request, values, query, metadata)

    def _bound(self, request: Message, values: Mapping[str, str], query: str, metadata: Mapping[str, str]) -> Bound:
        for name, text in values.items():
            set_text(request, self._path_fields[name], [text])
        if query and self._takes_query:
            self._read_query(request, query)
        return Bound(request, metadata)

    def _path_of(self, name: str) -> FieldPath:
        path = field_path(self._descriptor, name)
        if path is None:
            raise BadTemplate(f"{self._descriptor.name} has no field {name}")
        return path

    def _read_query(self, request: Message, query: str) -> None:
        texts_by_path: dict[FieldPath, list[str]] = {}
        for name, text in query_strings.pairs(query):
            path = field_path(self._descriptor, name)
            if path is not None and not self._is_bound(path):
                texts_by_path.setdefault(path, []).append(text)
        for path, texts in texts_by_path.items():
            set_text(request, path, texts)

    def _is_bound(self, path: FieldPath) -> bool:
        """Return whether a field, or a message that contains it, is set by the body or the path."""
        if path[0] is self._body_field:
            return True
        return any(path[: len(bound)] == bound for bound in self._path_fields.values())
