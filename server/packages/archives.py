"""Package files: the text of a pipeline in an uploaded or fetched file, which is plain text, a zip or a tar.gz archive.

The uploads route and the creation of versions from URLs call this. At most `limit` bytes are inflated,
whatever sizes the archive claims.
"""

import io
import struct
import zipfile
import zlib

from server.errors import InvalidArgument
from server.packages import tar
from server.packages.specs import REASON

PIPELINE_MEMBER = "pipeline.yaml"
TEXT_ENDINGS = (".yaml", ".yml", ".json")
MEMBER_ENDINGS = (".yaml", ".yml")

TOO_LARGE = "PACKAGE_TOO_LARGE"
"""The reason for refusing a package that is larger than the settings allow, wherever its size is checked."""

ZIP_DIRECTORY_MAX = 1024 * 1024
"""Maximum size of a zip archive's directory, in bytes: about 10,000 members."""

_ZIP, _GZIP = b"PK", b"\x1f\x8b"
_END = b"PK\x05\x06"
_END_BYTES, _COMMENT_BYTES = 22, 65_536
_LARGE_LOCATOR, _LARGE_LOCATOR_BYTES = b"PK\x06\x07", 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
)
"""The exceptions that the library raises for malformed archives."""


def unpack(file_name: str, data: bytes, *, limit: int) -> bytes:
    """Return the text of a pipeline package: the file itself or, depending on its name, a member of the archive.

    The member is pipeline.yaml or, without one, the first member if its name ends in .yaml or .yml. Raises InvalidArgument
    for other kinds of files, empty files, archives that are damaged or contain no pipeline, and when the file or the text
    is larger than `limit` bytes.
    """
    if len(data) > limit:
        raise too_large(limit)
    if file_name.endswith(TEXT_ENDINGS):
        text = data
    elif data.startswith(_ZIP):
        text = _from_zip(data, limit)
    elif data.startswith(_GZIP):
        text = _from_tar(data, limit)
    else:
        raise _refusal("the file is not a .yaml, .yml or .json file, nor a zip or tar.gz archive")
    if not text:
        raise _refusal("the package is empty")
    return text


def too_large(limit: int) -> InvalidArgument:
    """Return the error for a package of more than `limit` bytes."""
    return InvalidArgument(f"the package is larger than {limit} bytes", reason=TOO_LARGE)


def _from_tar(data: bytes, limit: int) -> bytes:
    first: tuple[str, bytes | None] | None = None
    try:
        for name, content in tar.files(data, limit=limit):
            if name == PIPELINE_MEMBER:
                return _content_of(name, content)
            first = first or (name, content)
    except tar.ArchiveTooLarge as error:
        raise too_large(limit) from error
    except tar.UnreadableArchive as error:
        raise _refusal(str(error)) from error
    if first is None or not first[0].endswith(MEMBER_ENDINGS):
        raise _no_pipeline()
    return _content_of(*first)


def _content_of(name: str, content: bytes | None) -> bytes:
    if content is None:
        raise _refusal(f"{name[:128]!r} in the archive is not a regular file")
    return content


def _from_zip(data: bytes, limit: int) -> bytes:
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            member = next((entry for entry in members if entry.filename == PIPELINE_MEMBER), None)
            if member is None and members and members[0].filename.endswith(MEMBER_ENDINGS):
                member = members[0]
            if member is None:
                raise _no_pipeline()
            if member.flag_bits & _ENCRYPTED:
                raise _refusal("the archive is encrypted")
            if member.compress_type not in _METHODS:  # lzma allocates as much memory as its header asks for
                raise _refusal("the archive uses a compression method other than deflate")
            with archive.open(member) as file:
                text = file.read(limit + 1)
    except _DAMAGES as error:
        raise _damaged_zip() from error
    if len(text) > limit:
        raise too_large(limit)
    return text


def _check_directory(data: bytes) -> None:
    """Raise InvalidArgument if the archive's directory is too large: the library reads all of it into memory."""
    at = len(data) - _END_BYTES
    if not (data[at:].startswith(_END) and data.endswith(b"\x00\x00")):  # no comment: the library's first attempt
        at = data.rfind(_END, max(0, len(data) - _END_BYTES - _COMMENT_BYTES))
    if at < 0 or at + _END_BYTES > len(data):
        raise _damaged_zip()
    (size,) = struct.unpack_from("<L", data, at + 12)
    locator = data[max(0, at - _LARGE_LOCATOR_BYTES) : at]
    if size > ZIP_DIRECTORY_MAX or locator.startswith(_LARGE_LOCATOR):
        raise _refusal("the archive has too many members")


def _no_pipeline() -> InvalidArgument:
    return _refusal("the archive does not contain pipeline.yaml, and its first member is not a .yaml or .yml file")


def _damaged_zip() -> InvalidArgument:
    return _refusal("the archive is damaged or not a zip archive")


def _refusal(sentence: str) -> InvalidArgument:
    return InvalidArgument(sentence, reason=REASON)
