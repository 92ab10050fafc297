"""The text of the documentation's generated blocks, made from the code. docs_drift.py calls this, and the tests of the docs."""

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

REFUSED, CAPPED = "INVALID_ARGUMENT", "capped in silence"
NOT_DRAWN = "left out; the description of the specification says so"

CHARACTERS, BYTES = "server.rules.field_limits:MAX_CHARACTERS", "server.rules.field_limits:MAX_BYTES"

LIMITS: tuple[tuple[str, str, str, str], ...] = (
    ("rows of a page when a request names no size", "page_size_default", "rows", "–"),
    ("rows of a page", "page_size_max", "rows", CAPPED),
    ("runs of a page in the views FULL and RUNTIME_ONLY", "full_page_size_max", "rows", CAPPED),
    ("a request over gRPC, the body of one over REST", "message_bytes_max", "bytes", "RESOURCE_EXHAUSTED, HTTP 413"),
    ("metadata of a gRPC call", "server.doors.grpc.door:METADATA_BYTES", "bytes", "RESOURCE_EXHAUSTED"),
    ("gRPC calls that a process works on at once", "calls_max", "calls", "RESOURCE_EXHAUSTED, reason `TOO_MANY_CALLS`"),
    ("requests and answers of gRPC that a process holds at once", "bytes_in_flight_max", "bytes", "the call waits"),
    ("seconds that a gRPC call may take", "call_seconds_max", "seconds", "DEADLINE_EXCEEDED"),
    ("gRPC calls at once per connection", "server.doors.grpc.door:STREAMS_MAX", "calls", "the client sends no more"),
    ("gRPC calls that wait to begin", "server.doors.grpc.door:WAITING_CALLS", "calls", "UNAVAILABLE"),
    ("path and headers of an HTTP request", "http_header_bytes_max", "bytes", "HTTP 431"),
    ("headers of an HTTP request", "server.doors.http.limits:HEADERS_MAX", "headers", "HTTP 431"),
    ("HTTP connections of a process", "http_connections_max", "connections", "HTTP 503"),
    ("items of a bulk call", "bulk_items_max", "items", REFUSED),
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
        "`display_name` of all others",
        f"{CHARACTERS}[PipelineTask.display_name Pipeline.display_name PipelineVersion.display_name Run.display_name]",
        "characters",
        REFUSED,
    ),
    (
        "key of an artifact at its task, `parameter_key`",
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
        "levels of messages within a value; a list is two, an object three",
        "storage.documents.plain:VALUE_DEPTH",
        "levels",
        REFUSED,
    ),
    ("the sentence of an error", "server.calls.statuses:SENTENCE_BYTES", "bytes", "cut off"),
    ("tags of a pipeline or a pipeline version", "server.rules.pipelines:TAGS", "tags", REFUSED),
    ("key or value of a tag", "storage.lengths:TAG", "characters", REFUSED),
    ("`name` of a pipeline version", f"{CHARACTERS}[PipelineVersion.name]", "characters", REFUSED),
    (
        "a pipeline package, as sent and unpacked",
        "package_bytes_max",
        "bytes",
        f"{REFUSED}, reason `PACKAGE_TOO_LARGE`",
    ),
    ("parts of an upload's body", "server.doors.http.multipart:PARTS_MAX", "parts", REFUSED),
    (
        "keys and values of a package's text, aliases expanded",
        "server.packages.text_limits:NODES_MAX",
        "nodes",
        REFUSED,
    ),
    ("characters of those keys and values", "server.packages.text_limits:CHARACTERS_MAX", "characters", REFUSED),
    ("depth of a package's text", "server.packages.text_limits:DEPTH_MAX", "levels", REFUSED),
    ("YAML directives in a package's text", "server.packages.text_limits:DIRECTIVES_MAX", "lines", REFUSED),
    ("members of a package's archive", "server.packages.tar:MEMBERS_MAX", "members", REFUSED),
    ("an extended header in a tar archive", "server.packages.tar:EXTENDED_HEADER_MAX", "bytes", REFUSED),
    ("the directory of a zip archive", "server.packages.archives:ZIP_DIRECTORY_MAX", "bytes", REFUSED),
    ("redirects of a package URL", "server.packages.urls:REDIRECTS_MAX", "redirects", REFUSED),
    (
        "depth of a JSON body over REST",
        "server.doors.rest.json_body:JSON_DEPTH",
        "levels",
        f"{REFUSED}, reason `INVALID_JSON`",
    ),
    (
        "names and values in a JSON body over REST",
        "server.doors.rest.json_body:JSON_VALUES_MAX",
        "names and values",
        f"{REFUSED}, reason `INVALID_JSON`",
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
        "memory of a process for specifications made from tasks",
        "server.recorded_spec.cache:BYTES_MAX",
        "bytes",
        "made again when asked for",
    ),
    ("plugins in `plugins_input`", "server.rules.new_runs:PLUGIN_COUNT", "plugins", REFUSED),
    ("all of `plugins_input`", "server.rules.new_runs:PLUGIN_BYTES", "bytes", REFUSED),
    ("depth of a plugin's settings", "server.rules.new_runs:PLUGIN_DEPTH", "levels", REFUSED),
    ("text of a filter", "storage.filter_message:MAX_FILTER_BYTES", "bytes", REFUSED),
    ("predicates of a filter", "storage.filters:MAX_PREDICATES", "predicates", REFUSED),
    ("values of one IN", "storage.filters:MAX_IN_VALUES", "values", REFUSED),
    (
        "characters of a long text that take part in sorting",
        "storage.fields:SORTED_CHARACTERS",
        "characters",
        "the rest does not sort",
    ),
)
"""What is limited, by which setting or constant (module:NAME, of a table module:NAME[field field]), unit, what happens over it."""

REASONS = {
    "INVALID_JSON": "The body of a request over REST is no JSON of the message it should be.",
    "INVALID_HTTP": "What arrived is no HTTP/1.1 request.",
    "BODY_TOO_LARGE": "The body of an HTTP request is larger than message_bytes_max.",
    "HEADERS_TOO_LARGE": "Path and headers of an HTTP request are too large or too many.",
    "REQUEST_TIMEOUT": "An HTTP request took too long to arrive.",
    "INVALID_PATH": "The path of a request over REST has a malformed escape or is not UTF-8.",
    "UNKNOWN_PATH": "Nothing is served under the path of a request over REST.",
    "WRONG_VERB": "The path of a request over REST does not take its verb.",
    "UNKNOWN_HOST": "A request over REST names a host that the server does not answer to; see `allowed_hosts`.",
    "FOREIGN_ORIGIN": "A page of another site tried to write over REST; see `cors_origins`.",
    "TOO_MANY_CALLS": "The server is working on as many calls as `calls_max` allows.",
    "MEMORY_EXHAUSTED": "The requests and answers of other calls left no room in `bytes_in_flight_max` in time.",
    "TOO_MANY_CONNECTIONS": "The server has as many HTTP connections as it takes.",
    "INVALID_QUERY": "The query of a request over REST does not fit its parameters.",
    "INVALID_PACKAGE_URL": "A package URL may not be fetched, or could not be.",
    "PACKAGE_TOO_LARGE": "An uploaded or fetched pipeline package is larger than allowed.",
    "INVALID_PIPELINE_SPEC": "The pipeline spec is empty, is no pipeline spec, or has another schemaVersion.",
    "INVALID_PARAMETER": "A runtime parameter does not fit the inputs that the pipeline spec declares.",
    "INTERNAL": "A defect of the server; `error_id` in the metadata names the line in the log.",
}
"""Sentences for reasons that no class describes; those without one send the reader to the error's own sentence."""


def settings() -> str:
    """Every setting: name, variable, default, meaning."""
    rows = (
        (f"`{each.name}`", f"`{variable_of(each.name)}`", f"`{_shown(each.default)}`", each.metadata["meaning"])
        for each in setting_fields()
    )
    return _table(("setting", "variable", "default", "meaning"), rows)


def commands() -> str:
    """Every command of lineal-server, and those of its options that are no settings."""
    names = {each.name for each in setting_fields()}
    rows = []
    for name, command in sorted(cli.main.commands.items()):
        own = [each for each in command.params if isinstance(each, click.Option) and each.name not in names]
        rows.append(
            (f"`lineal-server {name}`", command.help, " ".join(f"`{each.opts[0]}`: {each.help}" for each in own))
        )
    return _table(("command", "does", "options that are no settings"), rows)


def limits() -> str:
    """Every limit: what is limited, the value, the setting that changes it, what happens over it."""
    rows = []
    for what, source, unit, over in LIMITS:
        fixed = ":" in source
        rows.append((what, _amount(limit_value(source), unit), "" if fixed else f"`{source}`", over))
    return _table(("what", "limit", "setting", "over it"), rows)


def _amount(value: int, unit: str) -> str:
    for size, name in ((1024**2, "MiB"), (1024, "KiB")):
        if unit == "bytes" and value % size == 0:
            return f"{value // size} {name}"
    return f"{value:,} {unit}"


def limit_value(source: str) -> int:
    """Return the value of a setting's default or of a constant: module:NAME, or module:TABLE[field field], which must agree."""
    module, _, name = source.rpartition(":")
    name, _, keys = name.removesuffix("]").partition("[")
    found = getattr(importlib.import_module(module) if module else Settings(), name, None)
    values: set[int | None] = {found.get(key) for key in keys.split()} if isinstance(found, dict) else {found}
    value = values.pop() if len(values) == 1 else None
    if value is None:
        raise SystemExit(f"LIMITS in docs_blocks.py names {source}, which is not there or not one limit")
    return value


def reasons() -> str:
    """Every reason an ErrorInfo can have: gRPC code, HTTP status, when."""
    rows = (
        (f"`{reason}`", code_pb2.Code.Name(each.code), each.http, REASONS.get(reason, each.when))
        for reason, each in sorted(_reasons().items())
    )
    return _table(("reason", "gRPC code", "HTTP", "when"), rows)


@dataclass(frozen=True, slots=True)
class Reason:
    """The code that a reason comes with, its HTTP status, and when it is given."""

    code: int
    http: int
    when: str = "See the error's sentence."


def _reasons() -> dict[str, Reason]:
    kinds = (errors.ApiError, *errors.ApiError.__subclasses__())
    found = {kind.reason: Reason(kind.code, statuses.HTTP_STATUS[kind.code], _first_line(kind)) for kind in kinds}
    for storage_kind, code, reason in statuses._STORAGE:
        found.setdefault(reason, Reason(code, statuses.HTTP_STATUS[code], _first_line(storage_kind)))
    for file in sorted(SERVER.rglob("*.py")):
        for name, raised in _reasons_in(ast.parse(file.read_text())):
            found.setdefault(name, raised)
    return found


def _reasons_in(tree: ast.Module) -> Iterator[tuple[str, Reason]]:
    """Where a module makes an error with a reason of its own: as `reason=` of a class of the tree, or behind its code."""
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
                before = node.args[place - 1] if place else None
                http = before.value if isinstance(before, ast.Constant) else None
                yield name, Reason(code, http if isinstance(http, int) else statuses.HTTP_STATUS[code])


def _is_code(node: ast.expr) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and node.attr in code_pb2.Code.DESCRIPTOR.values_by_name


def _text(node: ast.expr, constants: Mapping[str, object]) -> str | None:
    value = constants.get(node.id) if isinstance(node, ast.Name) else getattr(node, "value", None)
    return value if isinstance(value, str) else None


def methods() -> str:
    """Every RPC, with its HTTP rule; those without a handler are UNIMPLEMENTED."""
    rows = []
    for method in METHODS:
        http = f"`{method.http.verb} {method.http.path}`" if method.http else ""
        rows.append((f"`{method.name}`", http, "yes" if method.handler else "UNIMPLEMENTED"))
    return _table(("RPC", "HTTP rule", "served"), rows)


def keys() -> str:
    """Every list: its default order, and the keys it filters and sorts by, kind by kind."""
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
        rows += [(title, order, kind, ", ".join(found)) for kind, found in by_kind.items()]
    return _table(("list", "by default sorted by", "kind", "keys"), rows)


def _first_line(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _shown(default: object) -> str:
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
