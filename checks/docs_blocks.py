"""The text of the documentation's generated blocks, made from the code. docs_drift.py and the tests of the docs call this."""

import ast
import importlib
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import click
import docs_cli
import docs_performance
import docs_python
from docs_client import client_methods, client_settings, recorder_options
from docs_limits import LIMITS
from docs_tables import table
from google.rpc import code_pb2

from server import cli, errors
from server.app import APIS
from server.calls import statuses
from server.config import Settings, setting_fields, variable_of
from storage import fields

SERVER = pathlib.Path(errors.__file__).parent
ATTACKS = pathlib.Path(__file__).parents[1] / "benchmarks" / "attacks.json"

REASONS = {
    "INVALID_JSON": "The body of a request over REST is not valid JSON for the request message.",
    "INVALID_HTTP": "The request is not a valid HTTP/1.1 request.",
    "BODY_TOO_LARGE": "The body of an HTTP request is larger than message_bytes_max.",
    "HEADERS_TOO_LARGE": "The path and headers of an HTTP request are too large, or there are too many headers.",
    "REQUEST_TIMEOUT": "The client took too long to send an HTTP request.",
    "INVALID_PATH": "The path of a request over REST has a malformed escape or is not UTF-8.",
    "UNKNOWN_PATH": "Nothing is served under the path of a request over REST.",
    "WRONG_VERB": "The path of a request over REST does not support its verb.",
    "UNKNOWN_HOST": "The host name of a request over REST is not allowed; see `allowed_hosts`.",
    "FOREIGN_ORIGIN": "A page of another site tried to write over REST; see `cors_origins`.",
    "TOO_MANY_CALLS": "The server is working on as many calls as `calls_max` allows.",
    "MEMORY_EXHAUSTED": "Other requests and responses left no room in `bytes_in_flight_max` in time. RESOURCE_EXHAUSTED if a message "
    "was given up while it arrived, UNAVAILABLE (503) for bodies over REST.",
    "TOO_MANY_CONNECTIONS": "The maximum number of HTTP connections is open; see `http_connections_max` and `connections_per_peer_max`.",
    "INVALID_IDEMPOTENCY_KEY": "An idempotency key is empty, too long, or has characters that are not printable ASCII.",
    "IDEMPOTENCY_KEY_REUSED": "The idempotency key was used for another request.",
    "ID_TAKEN": "A row has the id that the idempotency key makes for the call; nothing was written.",
    "NOT_A_METRIC": "UpdateArtifact names an artifact of another type, which is never rewritten.",
    "SHORTER_SERIES": "UpdateArtifact would make the series of a metric shorter; `points` in the metadata is its length.",
    "ANSWER_TOO_LARGE": "The answer of a call with an idempotency key is too large to be kept; nothing was written.",
    "INVALID_QUERY": "The query of a request over REST has unknown or malformed parameters.",
    "INVALID_PACKAGE_URL": "A package URL is not allowed, or could not be fetched.",
    "PACKAGE_TOO_LARGE": "An uploaded or fetched pipeline package is larger than allowed.",
    "INVALID_PIPELINE_SPEC": "The pipeline spec is empty, not valid, or has another schemaVersion.",
    "INVALID_PARAMETER": "A runtime parameter does not match the inputs that the pipeline spec declares.",
    "INTERNAL": "A defect of the server; the `error_id` in the metadata identifies the line in the log.",
}
"""Sentences for reasons without a class that describes them; for others without one, the docs refer to the error's message."""


def settings() -> str:
    """Return every setting: name, variable, default, meaning."""
    rows = (
        (f"`{each.name}`", f"`{variable_of(each.name)}`", f"`{_default_text(each.default)}`", each.metadata["meaning"])
        for each in setting_fields()
    )
    return table(("setting", "variable", "default", "meaning"), rows)


def commands() -> str:
    """Return every command of lineal-server, with its options that are not settings."""
    names = {each.name for each in setting_fields()}
    rows = []
    for name in cli.COMMANDS:
        command = cli.command_named(name)
        options = [each for each in command.params if isinstance(each, click.Option) and each.name not in names]
        rows.append(
            (f"`lineal-server {name}`", command.help, " ".join(f"`{each.opts[0]}`: {each.help}" for each in options))
        )
    return table(("command", "description", "options that are not settings"), rows)


def limits() -> str:
    """Return every limit: what is limited, the value, the setting that changes it, and what happens when it is exceeded."""
    rows = []
    for what, source, unit, over in LIMITS:
        is_constant = ":" in source
        rows.append((what, _amount(limit_value(source), unit), "" if is_constant else f"`{source}`", over))
    return table(("what", "limit", "setting", "when exceeded"), rows)


def _amount(value: int, unit: str) -> str:
    for size, name in ((1024**2, "MiB"), (1024, "KiB")):
        if unit == "bytes" and value % size == 0:
            return f"{value // size} {name}"
    return f"{value:,} {unit}"


def limit_value(source: str) -> int:
    """Return the value of a setting's default or of a constant: module:NAME, or module:TABLE[field field], which must agree."""
    module, _, name = source.rpartition(":")
    name, _, keys = name.removesuffix("]").partition("[")
    limit = getattr(importlib.import_module(module) if module else Settings(), name, None)
    values: set[int | None] = {limit.get(key) for key in keys.split()} if isinstance(limit, dict) else {limit}
    value = values.pop() if len(values) == 1 else None
    if value is None:
        raise SystemExit(f"LIMITS in docs_limits.py names {source}, which does not exist or is not one limit")
    return value


def reasons() -> str:
    """Return every reason that an ErrorInfo can have: gRPC code, HTTP status, and when it occurs."""
    rows = (
        (f"`{reason}`", code_pb2.Code.Name(each.code), each.http, REASONS.get(reason, each.when))
        for reason, each in sorted(_reasons().items())
    )
    return table(("reason", "gRPC code", "HTTP", "when"), rows)


@dataclass(frozen=True, slots=True)
class Reason:
    """The gRPC code and the HTTP status of a reason, and when it occurs."""

    code: int
    http: int
    when: str = "See the error's message."


def _reasons() -> dict[str, Reason]:
    kinds = (errors.ApiError, *errors.ApiError.__subclasses__())
    reasons = {kind.reason: Reason(kind.code, statuses.HTTP_STATUS[kind.code], _first_line(kind)) for kind in kinds}
    for storage_kind, code, reason in statuses._STORAGE:
        reasons.setdefault(reason, Reason(code, statuses.HTTP_STATUS[code], _first_line(storage_kind)))
    for file in sorted(SERVER.rglob("*.py")):
        for name, reason_in_module in _reasons_in(ast.parse(file.read_text())):
            reasons.setdefault(name, reason_in_module)
    return reasons


def _reasons_in(tree: ast.Module) -> Iterator[tuple[str, Reason]]:
    """Yield the reasons of errors that a module creates: given as `reason=`, or as the argument after the code."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        kind = getattr(errors, node.func.id, None) if isinstance(node.func, ast.Name) else None
        for keyword in node.keywords:
            if keyword.arg == "reason" and hasattr(kind, "code") and (name := _text(keyword.value, constants)):
                yield name, Reason(kind.code, statuses.HTTP_STATUS[kind.code])
        for place, argument in enumerate(node.args[:-1]):
            if _is_code(argument) and (name := _text(node.args[place + 1], constants)):
                code = code_pb2.Code.Value(argument.attr)
                previous_argument = node.args[place - 1] if place else None
                http = previous_argument.value if isinstance(previous_argument, ast.Constant) else None
                yield name, Reason(code, http if isinstance(http, int) else statuses.HTTP_STATUS[code])


def _is_code(node: ast.expr) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and node.attr in code_pb2.Code.DESCRIPTOR.values_by_name


def _text(node: ast.expr, constants: Mapping[str, object]) -> str | None:
    value = constants.get(node.id) if isinstance(node, ast.Name) else getattr(node, "value", None)
    return value if isinstance(value, str) else None


def methods() -> str:
    """Return every RPC, with its HTTP rule; those without a handler are UNIMPLEMENTED."""
    rows = []
    for method in (method for api in APIS for method in api.methods):
        http = f"`{method.http.verb} {method.http.path}`" if method.http else ""
        rows.append((f"`{method.name}`", http, "yes" if method.handler else "UNIMPLEMENTED"))
    return table(("RPC", "HTTP rule", "served"), rows)


def keys() -> str:
    """Return every list: its default order, and the keys by which it can be filtered and sorted, by kind."""
    lists = {name: each for name, each in vars(fields).items() if isinstance(each, fields.Listable)}
    rows = []
    for name, listable in lists.items():
        by_kind: dict[str, list[str]] = {}
        for field in listable.fields.values():
            by_kind.setdefault(field.kind.value, []).append(f"`{field.key}`{'' if field.sortable else ' *filter*'}")
        if isinstance(listable.fields.get(f"{fields.TAG_PREFIX}key"), fields.Field):
            by_kind[fields.FieldKind.TAG.value] = [f"`{fields.TAG_PREFIX}…` *filter*"]
        title = name.removesuffix("_LIST").lower().replace("_", " ") + "s"
        order = f"`{listable.default_order.field.key}`"
        rows += [(title, order, kind, ", ".join(keys_of_kind)) for kind, keys_of_kind in by_kind.items()]
    return table(("list", "default sort field", "kind", "keys"), rows)


def attacks() -> str:
    """Return what was measured of each attack, with the code before the limits and with this code."""
    rows = []
    for name, row in json.loads(ATTACKS.read_text()).items():
        before, after = row.get("base"), row["this"]
        waits = (_change(before, after, key) for key in ("p99_ms", "worst_ms", "failures", "peak_mib"))
        rows.append((f"`{name}`", row["what"], *waits, f"{after['after_mib']:,}", row["day"]))
    head = (
        "attack",
        "what it does",
        "p99 of others, ms",
        "longest wait, ms",
        "failed calls",
        "peak, MiB",
        "10 s later",
        "measured",
    )
    return table(head, rows)


def _change(before: Mapping[str, int] | None, after: Mapping[str, int], key: str) -> str:
    return f"{after[key]:,}" if before is None else f"{before[key]:,} → {after[key]:,}"


def _first_line(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _default_text(default: object) -> str:
    if default == "":
        return '""'
    return str(default).lower() if isinstance(default, bool) else str(default)


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "limits": limits,
    "reasons": reasons,
    "methods": methods,
    "keys": keys,
    "attacks": attacks,
    "client-methods": client_methods,
    "client-settings": client_settings,
    "recorder-options": recorder_options,
    "cli-statuses": docs_cli.statuses,
    "cli-connection": docs_cli.connection,
    "cli-commands": docs_cli.commands,
    "python-names": docs_python.names,
    "python-methods": docs_python.methods,
    "python-modules": docs_python.modules,
    **docs_performance.BLOCKS,
}
