"""The text of the documentation's generated blocks, made from the code. docs_drift.py and the tests of the docs call this."""

import ast
import importlib
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import click
from google.rpc import code_pb2

from server import cli, errors
from server.apis.kfp.methods import METHODS
from server.calls import statuses
from server.config import Settings, setting_fields, variable_of
from storage import fields

SERVER = pathlib.Path(errors.__file__).parent

REFUSED, CAPPED = "INVALID_ARGUMENT", "silently capped"
NOT_DRAWN = "left out; the description of the specification says so"

CHARACTERS, BYTES = "server.rules.field_limits:MAX_CHARACTERS", "server.rules.field_limits:MAX_BYTES"

LIMITS: tuple[tuple[str, str, str, str], ...] = (
    ("rows per page when a request does not give a page size", "page_size_default", "rows", "–"),
    ("rows per page", "page_size_max", "rows", CAPPED),
    (
        "characters of stored text per page, except that a page has at least one row",
        "server.calls.listings:PAGE_BYTES",
        "characters",
        "the page ends early; `next_page_token` continues",
    ),
    ("runs per page in the views FULL and RUNTIME_ONLY", "full_page_size_max", "rows", CAPPED),
    (
        "a request over gRPC, the body of a request over REST",
        "message_bytes_max",
        "bytes",
        "RESOURCE_EXHAUSTED, HTTP 413",
    ),
    ("metadata of a gRPC call", "server.doors.grpc.door:METADATA_BYTES", "bytes", "RESOURCE_EXHAUSTED"),
    ("gRPC calls that a process works on at once", "calls_max", "calls", "RESOURCE_EXHAUSTED, reason `TOO_MANY_CALLS`"),
    ("requests and responses that a process holds at once", "bytes_in_flight_max", "bytes", "requests wait"),
    ("seconds that a gRPC call may take", "call_seconds_max", "seconds", "DEADLINE_EXCEEDED"),
    ("gRPC calls at once per connection", "server.doors.grpc.door:STREAMS_MAX", "calls", "the client sends no more"),
    (
        "bytes per second that a gRPC client takes of an answer, after http_idle_seconds",
        "server.doors.grpc.deliveries:SLOWEST_BYTES",
        "bytes",
        "the connection is closed",
    ),
    ("gRPC calls that wait to begin", "server.doors.grpc.door:WAITING_CALLS", "calls", "UNAVAILABLE"),
    ("the path and headers of an HTTP request", "http_header_bytes_max", "bytes", "HTTP 431"),
    ("headers per HTTP request", "server.doors.http.limits:HEADERS_MAX", "headers", "HTTP 431"),
    (
        "HTTP connections per process",
        "http_connections_max",
        "connections",
        "the one that has been idle for longest is closed; HTTP 503 when none is idle",
    ),
    (
        "HTTP connections in addition, for one probe each",
        "server.doors.http.limits:PROBE_CONNECTIONS",
        "connections",
        "HTTP 503",
    ),
    (
        "HTTP connections per address and process",
        "connections_per_peer_max",
        "connections; 0 for any number",
        "HTTP 503",
    ),
    ("items per bulk call", "bulk_items_max", "items", REFUSED),
    (
        "an id that a client chooses",
        f"{BYTES}[Run.run_id Run.recurring_run_id Run.pipeline_version_id PipelineVersionReference.pipeline_id"
        " PipelineVersionReference.pipeline_version_id PipelineTask.parent_task_id]",
        "bytes",
        f"{REFUSED}; an unknown id on reads",
    ),
    (
        "`name` of a task, an artifact or a pipeline, `display_name` of an experiment",
        f"{CHARACTERS}[PipelineTask.name Artifact.name Pipeline.name Experiment.display_name]",
        "characters",
        REFUSED,
    ),
    (
        "`display_name` of everything else",
        f"{CHARACTERS}[PipelineTask.display_name Pipeline.display_name PipelineVersion.display_name Run.display_name]",
        "characters",
        REFUSED,
    ),
    (
        "key of a task's artifact, `parameter_key`",
        f"{CHARACTERS}[ArtifactTask.key CreateArtifactRequest.producer_key"
        " PipelineTask.InputOutputs.IOParameter.parameter_key]",
        "characters",
        REFUSED,
    ),
    (
        "`cache_fingerprint`",
        f"{CHARACTERS}[PipelineTask.cache_fingerprint FindCachedTaskRequest.cache_fingerprint]",
        "characters",
        REFUSED,
    ),
    ("`uri` of an artifact", f"{CHARACTERS}[Artifact.uri]", "characters", REFUSED),
    (
        "`namespace`",
        f"{CHARACTERS}[Artifact.namespace Experiment.namespace Pipeline.namespace]",
        "characters",
        REFUSED,
    ),
    ("`service_account` of a run", f"{CHARACTERS}[Run.service_account]", "characters", REFUSED),
    ("`scope_path` of a task", f"{BYTES}[PipelineTask.scope_path]", "bytes", REFUSED),
    ("`description`, and the task name in a link's producer", "server.rules.checks:TEXT_BYTES", "bytes", REFUSED),
    (
        "one stored JSON text: inputs, outputs, metadata, history, pods, a pipeline spec, a runtime config, …",
        "server.rules.unusable:JSON_COLUMN_BYTES",
        "bytes",
        REFUSED,
    ),
    (
        "levels of messages within a value; a list takes two, an object three",
        "storage.documents.plain:VALUE_DEPTH",
        "levels",
        REFUSED,
    ),
    ("the message of an error", "server.calls.statuses:SENTENCE_BYTES", "bytes", "cut off"),
    ("tags per pipeline or pipeline version", "server.rules.pipelines:TAGS", "tags", REFUSED),
    ("key or value of a tag", "storage.lengths:TAG", "characters", REFUSED),
    ("`name` of a pipeline version", f"{CHARACTERS}[PipelineVersion.name]", "characters", REFUSED),
    (
        "a pipeline package, packed and unpacked",
        "package_bytes_max",
        "bytes",
        f"{REFUSED}, reason `PACKAGE_TOO_LARGE`",
    ),
    (
        "pipeline packages that a process reads at once",
        "server.packages.reading:READINGS_MAX",
        "packages",
        "the call waits",
    ),
    ("parts in an upload's body", "server.doors.http.multipart:PARTS_MAX", "parts", REFUSED),
    (
        "keys and values in a package's text, with aliases expanded",
        "server.packages.text_limits:NODES_MAX",
        "nodes",
        REFUSED,
    ),
    ("characters in those keys and values", "server.packages.text_limits:CHARACTERS_MAX", "characters", REFUSED),
    ("nesting depth of a package's text", "server.packages.text_limits:DEPTH_MAX", "levels", REFUSED),
    ("YAML directives in a package's text", "server.packages.text_limits:DIRECTIVES_MAX", "lines", REFUSED),
    ("members in a package's archive", "server.packages.tar:MEMBERS_MAX", "members", REFUSED),
    ("an extended header in a tar archive", "server.packages.tar:EXTENDED_HEADER_MAX", "bytes", REFUSED),
    ("the directory of a zip archive", "server.packages.archives:ZIP_DIRECTORY_MAX", "bytes", REFUSED),
    ("redirects of a package URL", "server.packages.urls:REDIRECTS_MAX", "redirects", REFUSED),
    (
        "nesting depth of a JSON body over REST",
        "server.doors.rest.json_body:JSON_DEPTH",
        "levels",
        f"{REFUSED}, reason `INVALID_JSON`",
    ),
    (
        "names and values in a JSON body over REST, and in a reported workflow",
        "server.rules.json_size:JSON_VALUES_MAX",
        "names and values",
        f"{REFUSED}, reason `INVALID_JSON` over REST",
    ),
    (
        "list items, map entries and messages in a request over gRPC",
        "server.calls.request_size:PARTS_MAX",
        "parts",
        REFUSED,
    ),
    ("tasks drawn for a run without a specification", "server.recorded_spec.document:TASKS_MAX", "tasks", NOT_DRAWN),
    ("links drawn for a run without a specification", "server.recorded_spec.document:LINKS_MAX", "links", NOT_DRAWN),
    (
        "inputs and outputs drawn for a run without a specification",
        "server.recorded_spec.flow:ENTRIES_MAX",
        "inputs and outputs",
        NOT_DRAWN,
    ),
    (
        "memory per process for specifications made from tasks",
        "server.recorded_spec.cache:BYTES_MAX",
        "bytes",
        "made again when needed",
    ),
    (
        "memory per process for the inputs of pipeline versions that runs were created from",
        "server.packages.root_inputs:BYTES_MAX",
        "bytes",
        "read again when needed",
    ),
    ("plugins in `plugins_input`", "server.rules.new_runs:PLUGIN_COUNT", "plugins", REFUSED),
    ("`plugins_input` in total", "server.rules.new_runs:PLUGIN_BYTES", "bytes", REFUSED),
    ("nesting depth of a plugin's settings", "server.rules.new_runs:PLUGIN_DEPTH", "levels", REFUSED),
    (
        "log lines kept for a reader that has stalled",
        "server.process.log_stream:PENDING_BYTES",
        "bytes",
        "lost, and counted",
    ),
    ("text of a filter", "storage.filter_message:MAX_FILTER_BYTES", "bytes", REFUSED),
    ("predicates per filter", "storage.filters:MAX_PREDICATES", "predicates", REFUSED),
    (
        "predicates IS_SUBSTRING per filter on fields that are stored as JSON",
        "storage.filters:MAX_JSON_SUBSTRINGS",
        "predicates",
        REFUSED,
    ),
    ("values per IN", "storage.filters:MAX_IN_VALUES", "values", REFUSED),
    (
        "characters of a long text that are used for sorting",
        "storage.fields:SORTED_CHARACTERS",
        "characters",
        "the rest is ignored",
    ),
)
"""What is limited, the setting or constant (module:NAME, or module:TABLE[field field]), the unit, and what happens when exceeded."""

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
    "MEMORY_EXHAUSTED": "Other requests and responses left no room in `bytes_in_flight_max` in time.",
    "TOO_MANY_CONNECTIONS": "The maximum number of HTTP connections is open; see `http_connections_max` and `connections_per_peer_max`.",
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
    return _table(("setting", "variable", "default", "meaning"), rows)


def commands() -> str:
    """Return every command of lineal-server, with its options that are not settings."""
    names = {each.name for each in setting_fields()}
    rows = []
    for name, command in sorted(cli.main.commands.items()):
        options = [each for each in command.params if isinstance(each, click.Option) and each.name not in names]
        rows.append(
            (f"`lineal-server {name}`", command.help, " ".join(f"`{each.opts[0]}`: {each.help}" for each in options))
        )
    return _table(("command", "description", "options that are not settings"), rows)


def limits() -> str:
    """Return every limit: what is limited, the value, the setting that changes it, and what happens when it is exceeded."""
    rows = []
    for what, source, unit, over in LIMITS:
        is_constant = ":" in source
        rows.append((what, _amount(limit_value(source), unit), "" if is_constant else f"`{source}`", over))
    return _table(("what", "limit", "setting", "when exceeded"), rows)


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
        raise SystemExit(f"LIMITS in docs_blocks.py names {source}, which does not exist or is not one limit")
    return value


def reasons() -> str:
    """Return every reason that an ErrorInfo can have: gRPC code, HTTP status, and when it occurs."""
    rows = (
        (f"`{reason}`", code_pb2.Code.Name(each.code), each.http, REASONS.get(reason, each.when))
        for reason, each in sorted(_reasons().items())
    )
    return _table(("reason", "gRPC code", "HTTP", "when"), rows)


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
    for method in METHODS:
        http = f"`{method.http.verb} {method.http.path}`" if method.http else ""
        rows.append((f"`{method.name}`", http, "yes" if method.handler else "UNIMPLEMENTED"))
    return _table(("RPC", "HTTP rule", "served"), rows)


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
    return _table(("list", "default sort field", "kind", "keys"), rows)


def _first_line(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _default_text(default: object) -> str:
    if default == "":
        return '""'
    return str(default).lower() if isinstance(default, bool) else str(default)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "limits": limits,
    "reasons": reasons,
    "methods": methods,
    "keys": keys,
}
