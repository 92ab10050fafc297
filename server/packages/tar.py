"""Regular files in a gzipped tar archive, read as a stream. `server.packages.archives` calls this.

Only names, sizes and contents are read. The standard library's reader is not used because the archives are untrusted: it
inflates without a limit, expands sparse files, recurses over chained headers and searches extended headers in quadratic
time.
"""

import gzip
import io
import zlib
from collections.abc import Iterator

MEMBERS_MAX = 10_000
EXTENDED_HEADER_MAX = 64 * 1024
"""Maximum size of one long name or extended header, in bytes."""

_BLOCK = 512
_FILES = (b"0", b"\x00", b"7")
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, directories, queues
_LONG_NAME, _LONG_LINK, _EXTENDED, _EXTENDED_FOR_ALL = b"L", b"K", b"x", b"g"


class UnreadableArchive(ValueError):
    """The archive cannot be read; the message says why, for the client."""


class ArchiveTooLarge(UnreadableArchive):
    """The contents of the archive's members exceed the limit."""


def files(data: bytes, *, limit: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and content of each member in order; the content is None unless the member is a regular file.

    Raises UnreadableArchive when the archive is damaged or not a gzipped tar, or has more than MEMBERS_MAX members;
    ArchiveTooLarge before more than `limit` bytes of contents are inflated.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            yield from _files(_Contents(stream, limit))
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged_archive() from error


class _Contents:
    """Inflates blocks, and at most `limit` bytes of members' contents."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._left, self._limit = limit, limit

    def header(self) -> bytes | None:
        """Return the next header block, None at the end of the archive."""
        block = self._stream.read(_BLOCK)
        if len(block) not in (0, _BLOCK):
            raise EOFError
        return block if any(block) else None

    def content(self, size: int) -> bytes:
        """Return the next `size` bytes, without the padding of their last block."""
        self._left -= size
        if self._left < 0:
            raise ArchiveTooLarge(f"the archive contains more than {self._limit} bytes")
        content = self._stream.read(size)
        padding = -size % _BLOCK
        if len(content) < size or len(self._stream.read(padding)) < padding:
            raise EOFError
        return content


def _files(contents: _Contents) -> Iterator[tuple[str, bytes | None]]:
    records: dict[str, str] = {}
    for _ in range(MEMBERS_MAX):
        header = contents.header()
        if header is None:
            return
        _check_sum(header)
        kind = header[156:157]
        size = 0 if kind in _WITHOUT_CONTENT else _number(header[124:136])
        if kind in (_LONG_NAME, _LONG_LINK, _EXTENDED, _EXTENDED_FOR_ALL):
            if size > EXTENDED_HEADER_MAX:
                raise UnreadableArchive("the archive has a header that is too long")
            content = contents.content(size)
            if kind == _LONG_NAME:
                records["path"] = _text(content)
            elif kind == _EXTENDED:
                records.update(_records(content))
            continue
        if "size" in records and kind not in _WITHOUT_CONTENT:
            size = _decimal(records["size"])
        name = records.get("path") or _name(header)
        is_file = kind in _FILES and not any(key.startswith("GNU.sparse.") for key in records)
        content = contents.content(size)
        # Older archives mark a directory only by the slash at the end of its name.
        yield name, content if is_file and not name.endswith("/") else None
        records = {}
    raise UnreadableArchive(f"the archive has more than {MEMBERS_MAX} members")


def _check_sum(header: bytes) -> None:
    """Raise UnreadableArchive unless the header's checksum, computed with blanks in the checksum's field, is right."""
    if _number(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise _damaged_archive()


def _number(field: bytes) -> int:
    """Return a size, which is octal text or, in GNU's form for large sizes, binary after a leading bit that is set."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:])
    digits = field.strip(b" \x00") or b"0"
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise _damaged_archive()
    return int(digits, 8)


def _decimal(digits: str) -> int:
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(2**64)):
        raise _damaged_archive()
    return int(digits)


def _name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500])
    return f"{prefix}/{name}" if prefix and header[257:263] == b"ustar\x00" else name


def _text(field: bytes) -> str:
    return field.split(b"\x00", 1)[0].decode("utf-8", "replace")


def _records(content: bytes) -> dict[str, str]:
    """Return the records of an extended header, each of which is "length key=value\\n", where length is that of the whole record."""
    records: dict[str, str] = {}
    at = 0
    while at < len(content):
        digits, _, _ = content[at : at + 8].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        start, end = at + len(digits) + 1, at + length - 1  # between the blank and the line break
        key, equals, value = content[start : max(start, end)].partition(b"=")
        if not equals:
            raise _damaged_archive()
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at += length
    return records


def _damaged_archive() -> UnreadableArchive:
    return UnreadableArchive("the archive is damaged or not a gzipped tar archive")
