"""Passwords of databases that do not stand in a URL: from a file, or asked for on the terminal.

Settings call this for the store, `import-mlmd` for its sources too. No sentence repeats a password, or the name of a file: the
password itself is easily given in its place.
"""

import sys
from urllib.parse import quote

import click

_FILE_SCHEME = "sqlite"


class PasswordRefused(Exception):
    """A password cannot be taken from where it should be; the text says why."""


def with_password_of(file: str, url: str, *, option: str, what: str) -> str:
    """Return the URL of a database with the password in a file. Raises PasswordRefused; `option` is what named the file."""
    scheme, user, rest = _parts(url)
    if scheme == _FILE_SCHEME:
        raise PasswordRefused(f"{option} is for a database server, but {what} is a SQLite file")
    if not user:
        raise PasswordRefused(f"{option} needs a user in the URL of {what}, such as postgresql://user@host/name")
    if ":" in user:
        raise PasswordRefused(f"the URL of {what} has a password, and {option} names another; remove one of them")
    try:
        with open(file, encoding="utf-8") as stream:
            password = stream.read().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PasswordRefused(f"the file that {option} names cannot be read: {why}") from None
    if not password:
        raise PasswordRefused(f"the file that {option} names is empty")
    return f"{scheme}://{user}:{quote(password, safe='')}@{rest}"


def with_password_asked_for(url: str, *, what: str) -> str:
    """Return the URL of a database, with a password from the terminal if it has a user and none.

    Without a terminal, and after an empty answer, the URL is returned as it is.
    """
    scheme, user, rest = _parts(url)
    if not user or ":" in user or not sys.stdin.isatty():
        return url
    question = f"Password of {user} for {what} (none if empty)"
    password: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return f"{scheme}://{user}:{quote(password, safe='')}@{rest}" if password else url


def _parts(url: str) -> tuple[str, str, str]:
    """Return the scheme of a URL, its user with the password, and what follows them; without a user, all three may be anything."""
    scheme, _, rest = url.partition("://")
    authority, slash, name = rest.partition("/")
    user, _, host = authority.rpartition("@")
    return scheme, user, f"{host}{slash}{name}"
