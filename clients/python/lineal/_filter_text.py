"""Reads filters as people type them: `state=FAILED and pipeline_id="a b" and name~churn`. `filters.parse` calls it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

from lineal._filter_values import FilterError

Made = TypeVar("Made")

_SPACE = re.compile(r"\s*")
_KEY = re.compile(r"[^\W\d][\w.:/-]*")
_OPERATION = re.compile(r"==|!=|<=|>=|=|<|>|~")
_WORD = re.compile(r"[^\s\"']+")
_WORD_IN_LIST = re.compile(r"[^\s\"',()\[\]]+")
_KEYWORD = re.compile(r"[^\W\d]+")
_CLOSING = {"(": ")", "[": "]"}
_RESERVED = frozenset({"and", "or", "not", "in"})


def is_plain_key(name: str) -> bool:
    """Whether a key can be written without quotes."""
    return bool(_KEY.fullmatch(name)) and name.lower() not in _RESERVED


def read(text: str, make: Callable[[str, str, str | tuple[str, ...]], Made]) -> Iterator[Made]:
    """Yield what `make` returns for each comparison: of its key, its operation, and its value, or values for `in`.

    Raises FilterError with the place; also for those that `make` raises.
    """
    reader = _Reader(text)
    if reader.is_at_end():
        return
    while True:
        key = reader.key()
        operation = reader.operation()
        reader.skip_space()
        start = reader.position
        value = reader.values() if operation == "in" else reader.value()
        try:
            yield make(key, operation, value)
        except FilterError as error:
            raise FilterError(str(error), text=text, position=start) from None
        if reader.is_at_end():
            return
        reader.conjunction()


class _Reader:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0

    def skip_space(self) -> None:
        self._take(_SPACE)

    def is_at_end(self) -> bool:
        self.skip_space()
        return self.position == len(self._text)

    def key(self) -> str:
        self.skip_space()
        start = self.position
        if self._next() in ("'", '"'):
            return self._quoted() or self._refuse("the key is empty", start)
        if self._next() in _CLOSING:
            self._refuse("filters have no parentheses: all comparisons must hold", start)
        name = self._take(_KEY)
        if name.lower() == "not":
            self._refuse("filters cannot say 'not': use !=", start)
        if not name or name.lower() in _RESERVED:
            self._refuse("expected a key such as state", start)
        return name

    def operation(self) -> str:
        self.skip_space()
        start = self.position
        sign = self._take(_OPERATION)
        if sign:
            return "=" if sign == "==" else sign
        word = self._take(_KEYWORD).lower()
        if word == "in":
            return word
        if word == "not" or self._text.startswith("!~", start):
            self._refuse("filters cannot say 'not in' or 'does not contain': use !=, once for each value", start)
        self._refuse("expected one of = != < <= > >= ~ in", start)

    def value(self) -> str:
        start = self.position
        if self._next() in ("'", '"'):
            return self._quoted()
        word = self._take(_WORD)
        if not word:
            self._refuse('expected a value; "" is an empty text', start)
        if self._next() in ("'", '"'):
            self._refuse("a value with a quote in it stands in quotes as a whole", self.position)
        return word

    def values(self) -> tuple[str, ...]:
        closing = _CLOSING.get(self._next())
        if closing is None:
            self._refuse("expected a list of values, as in (FAILED, CANCELED)", self.position)
        self.position += 1
        listed: list[str] = []
        self.skip_space()
        while self._next() != closing:
            if listed:
                self._comma(closing)
            listed.append(self._listed_value())
            self.skip_space()
        self.position += 1
        return tuple(listed)

    def conjunction(self) -> None:
        start = self.position
        word = self._take(_KEYWORD).lower()
        if word == "or":
            self._refuse("filters cannot say 'or': use 'in (…)' for several values of one key", start)
        if word != "and":
            self._refuse("expected 'and' between comparisons; a value with spaces stands in quotes", start)
        if self.is_at_end():
            self._refuse("expected a comparison after 'and'", self.position)

    def _comma(self, closing: str) -> None:
        if self._next() != ",":
            self._refuse(f"expected , or {closing}", self.position)
        self.position += 1
        self.skip_space()

    def _listed_value(self) -> str:
        if self._next() in ("'", '"'):
            return self._quoted()
        return self._take(_WORD_IN_LIST) or self._refuse("expected a value", self.position)

    def _quoted(self) -> str:
        start = self.position
        quote = self._text[start]
        characters: list[str] = []
        at = start + 1
        while at < len(self._text) and self._text[at] != quote:
            if self._text[at] == "\\":
                at += 1
            characters.append(self._text[at : at + 1])
            at += 1
        if at >= len(self._text):
            self._refuse("the quote is not closed", start)
        self.position = at + 1
        return "".join(characters)

    def _next(self) -> str:
        return self._text[self.position : self.position + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def _refuse(self, message: str, position: int) -> NoReturn:
        raise FilterError(message, text=self._text, position=position)
