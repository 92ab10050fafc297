"""`@record`: a dataclass with slots whose instances do not change, made in a tenth of the time of the standard library's.

All packages may use it. A program has hundreds of them, and for each the standard library compiles six functions: a quarter of the
time in which a server started. Here a class has only its slots, until its first instance is made or its fields are asked for, which
many a process never does. Of the six functions `__init__` is then compiled; the rest is shared, and written below.

That nobody assigns to a field is for the type checker to say. Nothing looks for it at run time, so that instances too are made
in less than half of the time.
"""

import dataclasses
import threading
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

Class = TypeVar("Class", bound=type)

_FIELDS, _INIT, _REPR, _EQ, _HASH = "__dataclass_fields__", "__init__", "__repr__", "__eq__", "__hash__"
_NOT_COPIED = ("__dict__", "__weakref__")  # of the class without slots

_finishing = threading.RLock()


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: Class) -> Class:
    """Make a class a record: with an `__init__` of its fields, equal to others by them, and hashable if all of them are.

    `field()` means what it means in a dataclass; methods that the class has itself are kept. All annotations are fields.
    """
    names = tuple(cls.__annotations__)
    own = {name: value for name, value in vars(cls).items() if name not in names and name not in _NOT_COPIED}
    later = _Later(cls, own)
    # All at once: to give a class that is there a method takes longer, for each of them.
    namespace = {**own, **later.firsts, _FIELDS: later, "__slots__": names, "__match_args__": names}
    later.made = type(cls)(cls.__name__, cls.__bases__, namespace)
    return later.made  # type: ignore[no-any-return]


class _Later:
    """What is still to be done for a record: the class as it was written, and the one that instances have, which is `made`.

    It stands for the fields, until somebody asks for them; `firsts` stand for methods until they are called.
    """

    def __init__(self, written: type, own: Mapping[str, Any]) -> None:
        self._written = written
        self.made: Any = None
        shared = (_INIT, _REPR) if _EQ in own else (_INIT, _REPR, _EQ, _HASH)
        self.firsts = {name: self._first_call(name) for name in shared if own.get(name) is None}

    def _first_call(self, name: str) -> Callable[..., Any]:
        def method(*arguments: Any, **named: Any) -> Any:
            self.finish()
            return vars(self.made)[name](*arguments, **named)

        return method

    def __get__(self, instance: Any, owner: type) -> Any:
        self.finish()
        return vars(self.made)[_FIELDS]

    def finish(self) -> None:
        """Give the record its methods and fields, unless it has them."""
        with _finishing:
            if not self.firsts:
                return
            made = self.made
            done: Any = dataclasses.dataclass(repr=False, eq=False)(self._written)
            fields = dataclasses.fields(done)
            hashed = [field.name for field in fields if (field.compare if field.hash is None else field.hash)]
            methods = {
                _INIT: vars(done)[_INIT],
                _REPR: _repr_of([field.name for field in fields if field.repr]),
                _EQ: _eq_of(_values_of([field.name for field in fields if field.compare])),
                _HASH: _hash_of(_values_of(hashed)),
            }
            for name in self.firsts:
                setattr(made, name, methods[name])
            for name in ("__dataclass_params__", _FIELDS):
                setattr(made, name, vars(done)[name])
            self.firsts, self._written = {}, made


def _values_of(names: list[str]) -> Callable[[Any], Any]:
    """Return what returns the values of an instance as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple([getattr(self, name) for name in names])


def _repr_of(names: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:
        values = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{type(self).__qualname__}({values})"

    return __repr__


def _eq_of(values: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash_of(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __hash__
