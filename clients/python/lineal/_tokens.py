"""The bearer token of calls: a value, or the content of a file that is read again when it changes. Called by the core."""

import os

from lineal.errors import SettingsError
from lineal.settings import KFP_TOKEN_FILE, Settings

BYTES_MAX = 32 * 1024
"""Tokens that list their user's groups are long, but all metadata of a call must fit into the server's 64 KiB."""

Version = tuple[int, int, int]


class Token:
    """The token of a client. Safe to use from several threads: a file that changes may be read twice, with equal results."""

    def __init__(self, settings: Settings) -> None:
        self._value = settings.token
        self._path = settings.token_file or ("" if settings.token else KFP_TOKEN_FILE)
        self._is_optional = not settings.token_file
        self._may_be_sent = settings.may_carry_token
        self._read: tuple[Version, str] | None = None

    def current(self) -> str:
        """Return the token to send, "" for none. Raises SettingsError if the file that was named cannot be used."""
        if self._value or not self._path or not self._may_be_sent:
            return self._value
        try:
            stat = os.stat(self._path)
            version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if self._read is None or self._read[0] != version:
                self._read = (version, _read(self._path))
        except OSError as error:
            # While a file is replaced it may be missing for a moment; the last token is then still valid.
            if self._read is None and not self._is_optional:
                raise SettingsError(f"the token file {self._path} cannot be read: {error.strerror}") from error
        return self._read[1] if self._read else ""

    def why_withheld(self) -> str:
        """Return why a token that exists is not sent, for the error of a call that needed one; "" if there is no reason."""
        if self._may_be_sent or not self._path or not os.path.exists(self._path):
            return ""
        return f"the token in {self._path} was not sent, because the connection has no TLS (see plain_text_token)"


def _read(path: str) -> str:
    with open(path, "rb") as file:
        content = file.read(BYTES_MAX + 1)
    text = content.decode("ascii", errors="replace").strip()
    if len(content) > BYTES_MAX or not text or not text.isascii() or not text.isprintable():
        raise SettingsError(f"the token file {path} does not have one line of ASCII text of at most {BYTES_MAX} bytes")
    return text
