"""Extracts an uploaded file from a multipart/form-data body. The REST door calls this for routes that take a file."""

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from server.errors import ApiError, InvalidArgument

PARTS_MAX = 1_000
"""Maximum number of parts in a body: each costs several Python calls, however small it is."""


class UploadBody:
    """Extracts the file of the named field from a body that arrives in pieces, and ignores all other parts.

    Raises InvalidArgument if the body is not multipart, does not have that file or has more than PARTS_MAX parts, and
    `too_large(limit)` if the file is larger than `limit` bytes.
    """

    def __init__(self, content_type: str, *, field: str, limit: int, too_large: Callable[[int], ApiError]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise InvalidArgument("the request must be multipart/form-data with a boundary")
        self._parts = parts = _Parts(field, limit, too_large)
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": parts.on_part_begin,
                    "on_header_field": parts.on_header_field,
                    "on_header_value": parts.on_header_value,
                    "on_header_end": parts.on_header_end,
                    "on_part_data": parts.on_part_data,
                    "on_part_end": parts.on_part_end,
                    "on_end": parts.on_end,
                },
            )
        except FormParserError as error:
            raise _malformed() from error

    def feed(self, piece: bytes | bytearray) -> None:
        """Parse the next piece of the body."""
        try:
            self._parser.write(piece)  # type: ignore[arg-type]  # it accepts both types
        except FormParserError as error:
            raise _malformed() from error

    def finish(self) -> tuple[str, bytes]:
        """Return the file's name, without folders, and its content, after the whole body has been fed."""
        return self._parts.file()


class _Parts:
    """The parser's callbacks. Separate from UploadBody, which references the parser: a cycle would keep a file after its request."""

    def __init__(self, field: str, limit: int, too_large: Callable[[int], ApiError]) -> None:
        self._field, self._limit, self._too_large = field, limit, too_large
        self._name: bytes | None = None
        self._data = bytearray()
        self._header, self._value = b"", b""
        self._is_file = self._has_file = self._has_ended = False
        self._count = 0

    def file(self) -> tuple[str, bytes]:
        if not self._has_ended:
            raise _malformed()
        if not self._has_file or self._name is None:
            raise InvalidArgument(f"the body has no file part named {self._field}")
        name = self._name.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
        return name, bytes(self._data)

    def on_part_begin(self) -> None:
        self._count += 1
        if self._count > PARTS_MAX:
            raise InvalidArgument(f"the body has more than {PARTS_MAX} parts")
        self._header, self._value = b"", b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition" and not self._has_file:
            _, options = parse_options_header(self._value)
            if options.get(b"name") == self._field.encode() and options.get(b"filename"):
                self._name = options[b"filename"]
                self._is_file = True
        self._header, self._value = b"", b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            return
        if len(self._data) + end - start > self._limit:
            raise self._too_large(self._limit)
        self._data += data[start:end]

    def on_part_end(self) -> None:
        if self._is_file:
            self._is_file, self._has_file = False, True

    def on_end(self) -> None:
        self._has_ended = True


def _malformed() -> InvalidArgument:
    return InvalidArgument("the body is not well-formed multipart/form-data")
