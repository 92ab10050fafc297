"""Leaves out of a text what may be a password, for messages that repeat what somebody has given in the wrong place.

URLs of databases are shown by `Dialect.label`; this is for texts that are not known to be one.
"""

import re

_AFTER_SCHEME = re.compile(r"://.*@", re.DOTALL)
_BEFORE_AT = re.compile(r"\S+@")
_OPTION = re.compile(r"([?&][^=&\s]+=)[^&\s)']*")


def without_secrets(text: str) -> str:
    """Return a text without users and passwords, which are before an @, and without the values of options, as in URLs."""
    text = _AFTER_SCHEME.sub("://…@", text)
    return _OPTION.sub(r"\1…", text if "://…@" in text else _BEFORE_AT.sub("…@", text))
