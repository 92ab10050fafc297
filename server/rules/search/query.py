"""What a query says: words and qualifiers, as in `churn state:failed since:2d metric:accuracy>0.9 "two words"`.

Terms are parted by white space. Quotes keep white space and signs together, wherever in a term they are; in them, \\" is a
quote and \\\\ a backslash. A term such as s3://bucket/x is a word, though it has a colon.
"""

import math
import re
from enum import Enum

from server.errors import InvalidArgument
from server.rules import checks
from server.rules.search.times import moment_of
from storage import lengths
from storage.model import ArtifactType, RunState
from storage.record import record

QUERY_CHARACTERS = 4_096
"""Maximum length of a query: of one that has a uri of the maximum length, and more."""
TERMS_MAX = 20
"""Maximum number of words and qualifiers of a query."""

_QUALIFIER = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*):(?!/)")
_COMPARISON = re.compile(r">=|<=|!=|>|<|=")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
# Stands for a character in quotes; queries have no NUL.
_QUOTED = "\x00"

_STATES = {state.name.lower(): state.name for state in RunState if state}
_TYPES = {type.name.lower(): type for type in ArtifactType if type}


class Operation(Enum):
    """How a number is compared."""

    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    EQUAL = "="
    NOT_EQUAL = "!="


@record
class Metric:
    """A comparison of a metric with a finite number."""

    name: str
    operation: Operation
    number: float

    def holds(self, value: float) -> bool:
        """Return whether a value of the metric is meant."""
        return {
            Operation.GREATER: value > self.number,
            Operation.AT_LEAST: value >= self.number,
            Operation.LESS: value < self.number,
            Operation.AT_MOST: value <= self.number,
            Operation.EQUAL: value == self.number,
            Operation.NOT_EQUAL: value != self.number,
        }[self.operation]


@record
class Query:
    """Words and qualifiers, all of which must hold; empty ones are not given. `since` and `until` are texts that are times."""

    words: tuple[str, ...] = ()
    state: str = ""
    pipeline: str = ""
    experiment: str = ""
    type: ArtifactType | None = None
    since: str = ""
    until: str = ""
    metrics: tuple[Metric, ...] = ()

    @property
    def is_of_runs(self) -> bool:
        """Whether a qualifier says something of runs."""
        return bool(self.state or self.pipeline or self.experiment or self.metrics)

    def text(self) -> str:
        """Return the query as a text that says the same."""
        named = {
            "state": self.state,
            "pipeline": self.pipeline,
            "experiment": self.experiment,
            "type": "" if self.type is None else self.type.name,
            "since": self.since,
            "until": self.until,
        }
        terms = [*map(_in_quotes, self.words), *(f"{name}:{_in_quotes(text)}" for name, text in named.items() if text)]
        for metric in self.metrics:
            terms.append(f"metric:{_in_quotes(metric.name)}{metric.operation.value}{metric.number!r}")
        return " ".join(terms)


def parse(text: str) -> Query:
    """Return what a query says. Raises InvalidArgument, which names the qualifier that is unknown or has no such value."""
    checks.max_characters("query", text, QUERY_CHARACTERS)
    terms = _terms(text)
    checks.require(terms, "query is required")
    if len(terms) > TERMS_MAX:
        raise InvalidArgument(
            f"query has {len(terms)} words and qualifiers, the limit is {TERMS_MAX}",
            field="query",
            limit=str(TERMS_MAX),
        )
    words: list[str] = []
    metrics: list[Metric] = []
    named: dict[str, str] = {}
    for term in terms:
        match = _QUALIFIER.match(term.shape)
        if match is None:
            words.append(_word(term.text))
            continue
        name, value = match[1].lower(), term.after(match.end())
        if name == "metric":
            metrics.append(_metric(value))
        elif name not in _VALUES:
            known = ", ".join(f"{each}:" for each in (*_VALUES, "metric"))
            raise InvalidArgument(
                f"query has the unknown qualifier {match[1]}:, known are {known}; a word with a colon needs quotes",
                field="query",
            )
        elif name in named:
            raise _refused(name, "is given twice")
        else:
            named[name] = _VALUES[name](name, value.text)
    type = _TYPES[named.pop("type")] if "type" in named else None
    return Query(words=tuple(dict.fromkeys(words)), metrics=tuple(metrics), type=type, **named)


@record
class _Term:
    """A term without its quotes. Its shape is as long, and has _QUOTED for each character that was in quotes."""

    text: str
    shape: str

    def after(self, position: int) -> "_Term":
        return _Term(self.text[position:], self.shape[position:])


def _terms(text: str) -> list[_Term]:
    terms: list[_Term] = []
    characters: list[str] = []
    shape: list[str] = []
    is_open, has_begun, position = False, False, 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == '"':
            is_open, has_begun = not is_open, True
        elif is_open:
            if character == "\\" and text[position : position + 1] in ('"', "\\"):
                character = text[position]
                position += 1
            characters.append(character)
            shape.append(_QUOTED)
        elif not character.isspace():
            characters.append(character)
            shape.append(character)
            has_begun = True
        elif has_begun:
            terms.append(_Term("".join(characters), "".join(shape)))
            characters, shape, has_begun = [], [], False
    if is_open:
        raise InvalidArgument("query has a quote that is not closed", field="query")
    if has_begun:
        terms.append(_Term("".join(characters), "".join(shape)))
    return terms


def _word(text: str) -> str:
    if not text:
        raise InvalidArgument("query has a word without characters", field="query")
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        raise InvalidArgument("query has a character that is not one of Unicode", field="query") from None
    return text


def _refused(name: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"query: {name}: {why}", field="query")


def _name(qualifier: str, text: str) -> str:
    if not text:
        raise _refused(qualifier, "needs a value")
    return _word(text)


def _state(qualifier: str, text: str) -> str:
    if text.lower() not in _STATES:
        raise _refused(qualifier, f"must be one of {', '.join(_STATES)}")
    return _STATES[text.lower()]


def _type(qualifier: str, text: str) -> str:
    if text.lower() not in _TYPES:
        raise _refused(qualifier, f"must be one of {', '.join(type.name for type in _TYPES.values())}")
    return text.lower()


def _time(qualifier: str, text: str) -> str:
    if moment_of(text, now=0, is_end=False) is None:
        raise _refused(
            qualifier, "must be a date as 2026-03-01, a time as 2026-03-01T12:00:00Z, or an age as 12h or 2d"
        )
    return text


_VALUES = {
    "state": _state,
    "pipeline": _name,
    "experiment": _name,
    "type": _type,
    "since": _time,
    "until": _time,
}


def _metric(value: _Term) -> Metric:
    match = _COMPARISON.search(value.shape)
    if match is None or not match.start():
        raise _refused("metric", "must be a comparison as accuracy>0.9, with one of > >= < <= = !=")
    name, number = value.text[: match.start()], value.text[match.end() :]
    if _NUMBER.fullmatch(number) is None or not math.isfinite(float(number)):
        raise _refused("metric", f"{name[: lengths.NAME]} must be compared with a finite number")
    return Metric(_word(name), Operation(match[0]), float(number))


def _in_quotes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
