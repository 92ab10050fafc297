"""How many names and values a JSON text has, counted before it is parsed: parsing blocks the event loop and takes memory."""

import re

JSON_VALUES_MAX = 2_000_000
"""Maximum number of names and values in a text. Each takes at least a hundred bytes."""

_MARKS = ",:[{"
# An unterminated string matches to the end of the body: otherwise it would be retried at every quote (quadratic).
_STRING_OR_MARK = re.compile(r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?|[,:\[{]', re.DOTALL)


class TooManyValues(ValueError):
    """A text has more than JSON_VALUES_MAX names and values; the message says so, for the client."""


def check_values(text: str) -> None:
    """Raise TooManyValues; what is not JSON may pass, and fails when it is parsed.

    Counted are the marks that precede each name and value but the first; marks inside strings do not count.
    """
    if sum(map(text.count, _MARKS)) <= JSON_VALUES_MAX:
        return
    marks = strings = 0
    for match in _STRING_OR_MARK.finditer(text):
        if text[match.start()] == '"':
            strings += 1
        else:
            marks += 1
        if marks > JSON_VALUES_MAX:
            raise TooManyValues(f"has more than {JSON_VALUES_MAX} names and values")
        if strings > marks + 1:
            return  # Two adjacent strings: this is not valid JSON, and parsing will stop there.
