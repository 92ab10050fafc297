"""Writes the typed methods of both clients, one per RPC, from the protos. Called by `make proto`.

With `--check`, `make check` calls it: prints what differs from the checked-in files, and then exits with status 1.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator

from generate import CHECKOUT, PROTO_ROOT, STUB_ROOT, write_descriptor_set
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from lineal._retries import is_safe
from lineal.methods import METHODS, Method
from openapi_document.comments import Comments, read_comments

FOLDER = STUB_ROOT / "lineal"
FILES = {"_rpcs.py": False, "_aio_rpcs.py": True}
"""The generated files; whether their methods are coroutines."""

DOCSTRING_WIDTH = 112
EMPTY = "google.protobuf.Empty"
HANDLED = ("skip_total_size",)
"""Fields that listings set themselves."""

SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: "str",
    FieldDescriptor.CPPTYPE_BOOL: "bool",
    FieldDescriptor.CPPTYPE_INT32: "int",
    FieldDescriptor.CPPTYPE_INT64: "int",
    FieldDescriptor.CPPTYPE_DOUBLE: "float",
    FieldDescriptor.CPPTYPE_ENUM: "str | int",
}
WELL_KNOWN = {
    "google.protobuf.Timestamp": "datetime.datetime | str",
    "google.protobuf.Struct": "Mapping[str, Any]",
    "google.protobuf.Value": "Any",
}


def main() -> int:
    """Write the files, or return 1 if they are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and say what differs")
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=FOLDER, help="default: the client's package")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = pathlib.Path(temporary, "set.bin")
        write_descriptor_set(PROTO_ROOT, file)
        comments = read_comments(FileDescriptorSet.FromString(file.read_bytes()))
    texts = {name: module_text(comments, is_async=is_async) for name, is_async in FILES.items()}
    if not arguments.check:
        for name, text in texts.items():
            (arguments.folder / name).write_text(text)
        return 0
    outdated = [name for name, text in texts.items() if _read(arguments.folder / name) != text]
    for name in outdated:
        print(f"{name}: differs from the protos; make proto writes it")
    print(f"{len(METHODS)} methods in {len(texts)} files, {len(outdated)} differ")
    return 1 if outdated else 0


def module_text(comments: Comments, *, is_async: bool) -> str:
    """Return the text of one generated module."""
    body = "\n".join(_method(method, comments, is_async=is_async) for method in METHODS)
    listing, base, word = ("AsyncListing", "AsyncRpcs", "async ") if is_async else ("Listing", "Rpcs", "")
    modules = sorted(set(re.findall(r"\b(\w+_pb2)\.", body)))
    packages = {_module(file): package for file, package in _files()}
    imports = [f"from lineal.{packages[module]} import {module}" for module in modules]
    which = "asyncio client" if is_async else "client"
    header = f'''"""The methods of the {which}, one per RPC. Generated from the protos by `make proto`; not to be edited."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from lineal._requests import FilterLike, build, filter_text
from lineal.listings import {listing}
{chr(10).join(imports)}


class {base}:
    """Every RPC as a method; `_call` sends it."""

    {word}def _call(
        self, name: str, request: Message, timeout_seconds: float | None, idempotency_key: str | None = None
    ) -> Any:
        raise NotImplementedError

'''
    return _formatted(header + body)


def _method(method: Method, comments: Comments, *, is_async: bool) -> str:
    item = _listed(method)
    is_write = not is_safe(method)
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name.partition(".")[2]).lower()
    fields = _fields(method, is_listing=item is not None)
    path = _path_fields(method)
    required = [field for field in fields if field.name not in path and _is_required(method, field, comments)]
    others = [field for field in fields if field.name not in path and field not in required]
    parameters = ["self", *(f"{each}: str" for each in path), "*"]
    parameters += [f"{field.name}: {_type(field)}" for field in required]
    parameters += [f"{field.name}: {_optional(_type(field))} = None" for field in others]
    parameters.append("timeout_seconds: float | None = None")
    if is_write:
        parameters.append("idempotency_key: str | None = None")
    ordered = [method.request.DESCRIPTOR.fields_by_name[each] for each in path] + required + others
    word = "async " if is_async and item is None else ""
    answer = _answer(method, item, is_async=is_async)
    lines = [
        f"{word}def {name}(",
        *(f"    {each}," for each in parameters),
        f") -> {answer}:",
        *(f"    {line}" if line else "" for line in _docstring(method, ordered, comments, is_write=is_write)),
        *(f"    {line}" for line in _body(method, ordered, item, answer, is_async=is_async, is_write=is_write)),
        "",
    ]
    return textwrap.indent("\n".join(lines), "    ")


def _body(
    method: Method,
    fields: list[FieldDescriptor],
    item: FieldDescriptor | None,
    answer: str,
    *,
    is_async: bool,
    is_write: bool,
) -> Iterator[str]:
    values = ", ".join(f'"{field.name}": {_value(field)}' for field in fields)
    request = "Empty" if method.request.DESCRIPTOR.full_name == EMPTY else _reference(method.request.DESCRIPTOR)
    yield f"request = build({request}, {{{values}}})"
    key = ", idempotency_key" if is_write else ""
    wait = "await " if is_async else ""
    if item is not None:
        listing = "AsyncListing" if is_async else "Listing"
        yield f'return {listing}(lambda page: self._call("{method.name}", page, timeout_seconds), request, "{item.name}")'
    elif answer == "None":
        yield f'{wait}self._call("{method.name}", request, timeout_seconds{key})'
    else:
        yield f'answer: {answer} = {wait}self._call("{method.name}", request, timeout_seconds{key})'
        yield "return answer"


def _value(field: FieldDescriptor) -> str:
    return "None if filter is None else filter_text(filter)" if field.name == "filter" else field.name


def _docstring(method: Method, fields: list[FieldDescriptor], comments: Comments, *, is_write: bool) -> Iterator[str]:
    text = comments.of(method.full_name)
    items = [f"{field.name}: {comments.of(field.full_name)}" for field in fields]
    items.append("timeout_seconds: How long the call may take, with all its attempts; the client's own if absent.")
    if is_write:
        items.append("idempotency_key: Text under which the server does this once; a new one for each call if absent.")
    first, *rest = textwrap.wrap(text, DOCSTRING_WIDTH)
    yield f'"""{first}'
    yield from rest
    yield ""
    for item in items:
        yield from textwrap.wrap(item, DOCSTRING_WIDTH, subsequent_indent="    ")
    yield '"""'


def _fields(method: Method, *, is_listing: bool) -> list[FieldDescriptor]:
    return [
        field
        for field in method.request.DESCRIPTOR.fields
        if not field.GetOptions().deprecated and not (is_listing and field.name in HANDLED)
    ]


def _path_fields(method: Method) -> list[str]:
    assert method.http is not None, method.name
    # What lies in a message of the body, as pipeline.pipeline_id, is given with it.
    return [name for name in re.findall(r"\{([^}=]+)", method.http.path) if "." not in name]


def _is_required(method: Method, field: FieldDescriptor, comments: Comments) -> bool:
    assert method.http is not None
    return field.name == method.http.body or comments.is_required(field.full_name)


def _listed(method: Method) -> FieldDescriptor | None:
    """The field with the items of a response that has pages, if there is just one that it can be."""
    response = method.response.DESCRIPTOR
    repeated = [field for field in response.fields if field.is_repeated and field.message_type is not None]
    return repeated[0] if "next_page_token" in response.fields_by_name and len(repeated) == 1 else None


def _answer(method: Method, item: FieldDescriptor | None, *, is_async: bool) -> str:
    if item is not None:
        return f"{'AsyncListing' if is_async else 'Listing'}[{_reference(item.message_type)}]"
    response = method.response.DESCRIPTOR
    return "None" if response.full_name == EMPTY else _reference(response)


def _type(field: FieldDescriptor) -> str:
    if field.name == "filter":
        return "FilterLike"
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return f"Mapping[str, {_single_type(field.message_type.fields_by_name['value'])}]"
    return f"Iterable[{_single_type(field)}]" if field.is_repeated else _single_type(field)


def _single_type(field: FieldDescriptor) -> str:
    if field.message_type is None:
        return SCALARS[field.cpp_type]
    known = WELL_KNOWN.get(field.message_type.full_name)
    return known or f"{_reference(field.message_type)} | Mapping[str, Any]"


def _optional(text: str) -> str:
    return text if text == "Any" else f"{text} | None"


def _reference(message: Descriptor) -> str:
    name = message.full_name.removeprefix(f"{message.file.package}.")
    return f"{_module(message.file.name)}.{name}"


def _module(file: str) -> str:
    return pathlib.PurePath(file).stem + "_pb2"


def _files() -> Iterator[tuple[str, str]]:
    for path in PROTO_ROOT.rglob("*.proto"):
        yield path.name, path.parent.name


def _formatted(text: str) -> str:
    """Return the text as the formatter and the linter's own corrections leave it: unused and unsorted imports are among them."""
    ruff = pathlib.Path(sys.executable).parent / "ruff"
    name = ["--stdin-filename", str(FOLDER / "_rpcs.py"), "-"]
    for command in (["check", "--quiet", "--fix", "--select", "I,F401"], ["format", "--quiet"]):
        done = subprocess.run([ruff, *command, *name], input=text, capture_output=True, text=True, cwd=CHECKOUT)
        if done.returncode:
            raise SystemExit(done.stderr or done.stdout)
        text = done.stdout
    return text


def _read(path: pathlib.Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
