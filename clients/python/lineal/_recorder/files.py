"""Files that are logged: their digest and size, and their copy under the artifact root.

A root is a folder or a URL of fsspec. A copy in a folder appears under its name when it is whole.
"""

import importlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from lineal._recording import new_key
from lineal.errors import SettingsError

CHUNK_BYTES = 1024 * 1024

_BAD_NAMES = ("", ".", "..")


@dataclass(frozen=True)
class StoredFile:
    """A file as it was logged."""

    uri: str
    digest: str
    size: int


class _Digest:
    """Reads a file, and takes its digest on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash, self.size = file, sha256(), 0

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        chunk = self._file.read(size)
        self._hash.update(chunk)
        self.size += len(chunk)
        return chunk

    def text(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def check_root(root: str) -> str:
    """Return a root that can be written to, a folder as an absolute path. Raises SettingsError for a URL without fsspec."""
    if not root or not _is_remote(root):
        return str(_folder(root)) if root else ""
    try:
        _filesystem(root)
    except ImportError as error:
        raise SettingsError(
            f"artifact_root: {root!r} is a URL of fsspec, which cannot be used: {error}; install 'lineal[fsspec]' and what the URL needs"
        ) from None
    except ValueError as error:
        raise SettingsError(f"artifact_root: {root!r} cannot be used: {error}") from None
    return root


def check_file(path: Any) -> Path:
    """Return the absolute path of a file. Raises TypeError for what is not a path, and an OSError for what is not a file."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: must be text or a path, not {type(path).__name__}")
    file = Path(os.path.abspath(os.fspath(path)))  # pyright: ignore[reportUnknownArgumentType]
    if file.is_dir():
        raise IsADirectoryError(f"path: {file} is a folder; log its files one by one, or an archive of it")
    if not file.exists():
        raise FileNotFoundError(f"path: there is no file {file}")
    return file


def check_file_name(name: str) -> str:
    """Return a name that a copy can have. Raises ValueError for one that leads elsewhere."""
    if name in _BAD_NAMES or "/" in name or "\\" in name:
        raise ValueError(f"name: {name!r} cannot be the name of a file")
    return name


def store(file: Path, root: str, *places: str) -> StoredFile:
    """Copy a file to root/places and return what it is there; without a root, what and where it is now."""
    with file.open("rb") as source:
        digest = _Digest(source)
        if not root:
            while digest.read():
                pass
            uri = file.as_uri()
        elif _is_remote(root):
            uri = _copy_remote(digest, root, places)
        else:
            uri = _copy_local(digest, _folder(root).joinpath(*places))
    return StoredFile(uri, digest.text(), digest.size)


def _copy_local(source: _Digest, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(target) as path:
        with path.open("xb") as copy:
            shutil.copyfileobj(source, copy, CHUNK_BYTES)
        os.replace(path, target)
    return target.as_uri()


def _copy_remote(source: _Digest, root: str, places: tuple[str, ...]) -> str:
    filesystem, path = _filesystem(root)
    target = "/".join((path.rstrip("/"), *places))
    filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
    with filesystem.open(target, "wb") as copy:
        shutil.copyfileobj(source, copy, CHUNK_BYTES)
    return str(filesystem.unstrip_protocol(target))


@contextmanager
def _temporary(target: Path) -> Generator[Path, None, None]:
    """Give a name next to the target, and remove what is left there."""
    path = target.with_name(f".{new_key()}.part")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _is_remote(root: str) -> bool:
    return "://" in root and not root.startswith("file://")


def _folder(root: str) -> Path:
    path = unquote(urlsplit(root).path) if root.startswith("file://") else root
    return Path(os.path.abspath(os.path.expanduser(path)))


def _filesystem(root: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it. fsspec is loaded only where it is needed."""
    core: Any = importlib.import_module("fsspec.core")
    filesystem, path = core.url_to_fs(root)
    return filesystem, path
