"""Page tokens: where the next page of a list starts, in a text that only this service can write.

A token is signed together with its list and its scope (everything that limits the list, except the filter), so a token of
another list is refused like a forged one. It contains sort and filter, which a client need not send again. Services call
this.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from storage.errors import InvalidFilter, InvalidPage
from storage.fields import Field, FieldSet, Listable, Order
from storage.filters import Predicate, canonical, parse_filter, parse_order, restore
from storage.record import record

_VERSION = b"\x01"
_SIGNATURE_BYTES = 32
# Tokens must fit into URLs (4 KiB): a sort value takes up to 1,020 bytes, an id 191, and base64 adds a third.
_MAX_CARRIED_FILTER_BYTES = 1024
_MAX_TOKEN_CHARACTERS = 16 * 1024

_REFUSED = "page token is not valid for this list"


@record
class Cursor:
    """The last row of a page: its id and its sort value (of a long field, the part that is sorted by)."""

    value: str | int | float | None
    id: str


@record
class _TokenContent:
    """The content of a token: the order, the packed filter, and the row that the page comes after."""

    order: Order
    filter: bytes
    cursor: Cursor


class PageTokens:
    """Writes and reads page tokens, which are valid on every server with the same key."""

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("page tokens need a key")
        self._key = key

    def issue(
        self, list_name: str, scope: Sequence[object], *, order: Order, predicates: Sequence[Predicate], cursor: Cursor
    ) -> str:
        """Return the token of the page after the cursor; the scope is anything that JSON can hold."""
        return self._seal(_pack(order, predicates, cursor), list_name, scope=scope)

    def resolve(
        self,
        page_token: str,
        listable: Listable,
        *,
        list_name: str,
        scope: Sequence[object],
        order_text: str,
        filter_text: str,
    ) -> tuple[Order, tuple[Predicate, ...], Cursor | None]:
        """Return the order and the filter of a list, and the row that the requested page comes after.

        Without a token the list starts at its first row. With one, sort and filter are the token's; if one of them is
        sent too, both must equal the token's, and an absent one means the default. A long filter must be sent again. Raises
        InvalidPage, or InvalidFilter or InvalidOrder for what is sent.
        """
        fields, names = listable.fields, listable.predicate_names
        if not page_token:
            order = parse_order(order_text, fields, listable.default_order)
            return order, parse_filter(filter_text, fields, names), None
        content = _unpack(self._open(page_token, list_name, scope=scope), fields)
        if not order_text.strip() and not filter_text:
            return content.order, _unpack_filter(content.filter, fields), content.cursor
        predicates = parse_filter(filter_text, fields, names)
        if parse_order(order_text, fields, listable.default_order) != content.order:
            raise InvalidPage("page token belongs to another sort order")
        if _pack_filter(predicates) != content.filter:
            raise InvalidPage("page token belongs to another filter")
        return content.order, predicates, content.cursor

    def issue_position(self, list_name: str, scope: Sequence[object], position: Sequence[str | int]) -> str:
        """Return the token of what comes after a position, for a list whose tokens are all of this form."""
        return self._seal(json.dumps(position).encode(), list_name, scope=scope)

    def resolve_position(self, page_token: str, list_name: str, scope: Sequence[object]) -> tuple[str | int, ...]:
        """Return the position in a token of the same list and scope. Raises InvalidPage for any other."""
        return tuple(json.loads(self._open(page_token, list_name, scope=scope)))

    # Signing: a token is accepted only unchanged, and only for the list and scope that it was issued for.

    def _seal(self, body: bytes, list_name: str, *, scope: Sequence[object]) -> str:
        data = self._sign(body, list_name, scope=scope) + body
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def _open(self, token: str, list_name: str, *, scope: Sequence[object]) -> bytes:
        data = _decode(token)
        signature, body = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(body, list_name, scope=scope)):
            raise InvalidPage(_REFUSED)
        return body

    def _sign(self, body: bytes, list_name: str, *, scope: Sequence[object]) -> bytes:
        scope_text = json.dumps(scope, sort_keys=True, separators=(",", ":"))
        scope_digest = hashlib.sha256(scope_text.encode()).digest()
        return hmac.digest(self._key, _join([list_name.encode(), scope_digest, body]), "sha256")


def _decode(token: str) -> bytes:
    if len(token) > _MAX_TOKEN_CHARACTERS or not token.isascii():
        raise InvalidPage(_REFUSED)
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise InvalidPage(_REFUSED) from None
    # The same bytes have several base64 forms: only the one that `_seal` writes is accepted.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != token.encode():
        raise InvalidPage(_REFUSED)
    return data


# Packing: order, filter and cursor as bytes, and back.


def _pack(order: Order, predicates: Sequence[Predicate], cursor: Cursor) -> bytes:
    parts = [
        order.field.column.encode(),
        b"d" if order.descending else b"a",
        _pack_filter(predicates),
        _pack_value(cursor.value),
        cursor.id.encode(),
    ]
    return _VERSION + _join(parts)


def _unpack(body: bytes, fields: FieldSet) -> _TokenContent:
    if body[:1] != _VERSION:
        raise InvalidPage(_REFUSED)
    column, direction, packed_filter, value, id = _split(body[1:])
    order = Order(_find_column(column.decode(), fields), descending=direction == b"d")
    return _TokenContent(order, packed_filter, Cursor(_unpack_value(value), id.decode()))


def _join(parts: Sequence[bytes]) -> bytes:
    """Write each part after its length: JSON would need six bytes for one control character."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _split(data: bytes) -> list[bytes]:
    parts = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        parts.append(data[4:end])
        data = data[end:]
    return parts


def _find_column(column: str, fields: FieldSet) -> Field:
    # Another version of the server may have signed a token for a column that this one does not have.
    field = next((each for each in fields.values() if each.column == column), None)
    if field is None:
        raise InvalidPage(_REFUSED)
    return field


def _pack_filter(predicates: Sequence[Predicate]) -> bytes:
    text = canonical(predicates).encode()
    if len(text) <= _MAX_CARRIED_FILTER_BYTES:
        return b"f" + text
    return b"h" + hashlib.sha256(text).digest()


def _unpack_filter(data: bytes, fields: FieldSet) -> tuple[Predicate, ...]:
    if data[:1] == b"h":
        raise InvalidPage("a filter this long must be sent again with its page token")
    try:
        return restore(data[1:].decode(), fields)
    except InvalidFilter:
        raise InvalidPage(_REFUSED) from None


def _pack_value(value: str | int | float | None) -> bytes:
    if value is None:
        return b"n"
    if isinstance(value, str):
        return b"s" + value.encode()
    return (b"f" if isinstance(value, float) else b"i") + repr(value).encode()


def _unpack_value(data: bytes) -> str | int | float | None:
    kind, text = data[:1], data[1:].decode()
    if kind == b"n":
        return None
    if kind == b"s":
        return text
    return float(text) if kind == b"f" else int(text)
