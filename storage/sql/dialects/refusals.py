"""Why a database cannot be used, for an operator: the rest of a sentence that begins with the database's name.

The dialects call this for what is the same with every database server; they know the codes of their own. No clause has a
driver's words, which may repeat what the URL or the environment says.
"""

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

_HOST_MISMATCH, _ADDRESS_MISMATCH, _EXPIRED = 62, 64, 10
"""OpenSSL's codes of certificates that are refused (X509_V_ERR_…)."""

NO_SERVER = "cannot be used: what listens there does not answer as such a server; it may be another program, or a proxy without one"


TOO_LONG = "is too long for its column"
OUT_OF_RANGE = "is out of the range of its column"
NOT_TEXT = "has characters that the database does not take"
FORBIDDEN_VALUE = "is forbidden by a constraint or a trigger in the database"
"""Why a database refuses a value: the rest of a sentence that begins with the value."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and what each was raised for: SQLAlchemy's error has the driver's, and that the system's."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = getattr(current, "orig", None) or current.__cause__ or current.__context__


def why_unreachable(error: BaseException, host: str, port: int) -> str | None:
    """Return why there is no connection to a host, as its system or TLS says; None when neither does."""
    for each in causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _why_untrusted(each, host)
        if isinstance(each, ssl.SSLError):
            return "cannot be used: it does not encrypt connections, as the URL asks, or not in a way that is accepted here"
        if isinstance(each, socket.gaierror):
            return f"cannot be reached: the host name {host} cannot be resolved"
        if isinstance(each, ConnectionRefusedError):
            return f"cannot be reached: nothing listens on port {port} of {host}"
        if isinstance(each, TimeoutError):
            return f"cannot be reached: {host} does not answer on port {port} in time; a firewall may be in between"
        if isinstance(each, ConnectionResetError | BrokenPipeError | ConnectionAbortedError | EOFError):
            return NO_SERVER
        if type(each) is OSError and each.errno is None:  # asyncio's, of a host with several addresses
            return f"cannot be reached: nothing answers on port {port} at any address of {host}"
        if isinstance(each, OSError) and each.errno in (errno.EBADF, errno.ENOTCONN):  # closed while it was set up
            return NO_SERVER
        if isinstance(each, OSError) and each.errno is not None:
            return f"cannot be reached: {os.strerror(each.errno)}"
    return None


def why_no_trust(authorities: str, which: str) -> str | None:
    """Return why a file with the certificates of trusted authorities cannot be used; None if it can. `which` says what names it."""
    try:
        _open(authorities)
        ssl.create_default_context(cafile=authorities)
    except ssl.SSLError:
        return f"cannot be used: the file {authorities}, which {which}, has no certificates"
    except OSError as error:
        return f"cannot be used: the file {authorities}, which {which}, cannot be read: {error.strerror}"
    return None


def why_no_identity(certificate: str, key: str | None, named_by: str) -> str | None:
    """Return why the files of a client's certificate and key cannot be used; None if they can."""
    try:
        for path in filter(None, (certificate, key)):
            _open(path)
        # Without a password, it would be asked for on the terminal.
        ssl.create_default_context().load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError:
        return f"cannot be used: the files that {named_by} name are not a certificate and its key"
    except OSError as error:
        return f"cannot be used: a file that {named_by} name cannot be read: {error.strerror}"
    return None


def _open(path: str) -> None:
    with open(path, "rb"):
        pass


def _why_untrusted(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
        return f"cannot be used: its certificate is for another host than {host}"
    if error.verify_code == _EXPIRED:
        return "cannot be used: its certificate has expired"
    return "cannot be used: its certificate is not from an authority that is trusted here"


def is_ambiguous(url: str) -> bool:
    """Return whether the URL of a server has more than one @, or one after the host, as with a password that is not encoded."""
    rest = url.partition("://")[2]
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    return rest.count("@") > 1 or "@" in rest.removeprefix(authority)
