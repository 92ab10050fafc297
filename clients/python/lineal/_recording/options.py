"""How the recorder keeps and sends what it records: one frozen object, from arguments and LINEAL_* variables."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lineal.errors import SettingsError


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Options:
    """Everything about recording that can be chosen."""

    spool_dir: str = _option(
        "",
        "The folder of the files in which changes are kept until the server has them. By default lineal/spool in "
        "$XDG_STATE_HOME, or in ~/.local/state",
    )
    spool_seconds: float = _option(
        30.0, "How long the end of the process waits for the server before what is left stays in the spool file"
    )
    flush_seconds: float = _option(1.0, "How long a change may wait for others to be sent with")
    batch_items: int = _option(500, "How many changes are sent together at most")
    queue_items: int = _option(
        10_000,
        "How many changes are kept in memory at most until they are in the spool file; then logging waits for the disk",
    )
    metric_seconds: float = _option(10.0, "How often the series of a metric is sent at most")

    def __post_init__(self) -> None:
        """Raise SettingsError for a value that cannot be used."""
        for option in fields(self):
            _check(option.name, option.type, getattr(self, option.name))

    @property
    def folder(self) -> str:
        """The folder of spool files."""
        if self.spool_dir:
            return os.path.abspath(os.path.expanduser(self.spool_dir))
        state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        return os.path.join(os.path.abspath(state), "lineal", "spool")


def load(arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Options:
    """Return the options; arguments that are None were not given. Raises SettingsError, also for an unknown name."""
    environ = os.environ if environ is None else environ
    known = {option.name: option for option in fields(Options)}
    unknown = sorted(arguments.keys() - known.keys())
    if unknown:
        raise SettingsError(f"there is no option {unknown[0]!r}; there are {', '.join(known)}")
    values = {name: value for name, value in arguments.items() if value is not None}
    for name, option in known.items():
        text = environ.get(variable_of(name), "")
        if text and name not in values:
            values[name] = _parse(variable_of(name), option.type, text)
    return Options(**values)


def variable_of(name: str) -> str:
    """Return the environment variable of an option."""
    return f"LINEAL_{name.upper()}"


def _parse(variable: str, kind: Any, text: str) -> Any:
    if kind is str:
        return text
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{variable} must be {what}, not {text!r}") from None


def _check(name: str, kind: Any, value: Any) -> None:
    expected = (int, float) if kind is float else kind
    if isinstance(value, bool) or not isinstance(value, expected):
        raise SettingsError(f"{name} must be of type {kind.__name__}, not {type(value).__name__}")
    if kind is int and value < 1:
        raise SettingsError(f"{name} must be at least 1, not {value}")
    if kind is float and not (math.isfinite(value) and value >= 0):
        raise SettingsError(f"{name} must be at least 0, not {value:g}")
