"""The reference of the Python client, made from its docstrings and signatures. docs_blocks.py calls this."""

import ast
import importlib
import inspect
import pathlib
import re
import textwrap
from collections.abc import Iterable, Iterator
from types import ModuleType

import lineal
from lineal.methods import METHODS

PLACES = (
    "lineal.client",
    "lineal.aio",
    "lineal.recorder",
    "lineal.series",
    "lineal.listings",
    "lineal.filters",
    "lineal.errors",
    "lineal.frames",
    "lineal.comparison",
    "lineal.trees",
    "lineal.html",
)
"""The modules that the reference describes, in its order."""

_ARGUMENT = re.compile(r"^(\w+): ")
_COMMON = ("timeout_seconds", "idempotency_key")


def names() -> str:
    """Return where each public name of the package is described."""
    rows = []
    for name in sorted(lineal.__all__):
        value = getattr(lineal, name)
        place = value.__name__ if isinstance(value, ModuleType) else lineal._PLACES.get(name, "lineal")
        first = inspect.cleandoc(_docstring(place, name) or "").partition("\n")[0]
        rows.append(f"| `lineal.{name}` | {first} |\n")
    return "| name | what it is |\n| --- | --- |\n" + "".join(rows)


def modules() -> str:
    """Return every module: what it is for, its classes and functions."""
    return "\n".join(_module(name) for name in PLACES)


def methods() -> str:
    """Return every method of the client: its signature, what it does, its arguments."""
    tree = _tree("lineal._rpcs")
    [rpcs] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    functions = {node.name: node for node in rpcs.body if isinstance(node, ast.FunctionDef)}
    parts: list[str] = []
    service = ""
    for method in METHODS:
        if method.service != service:
            service = method.service
            parts.append(f"### {service.rpartition('.')[2]}\n")
        parts.append(_method(functions[_snake_case(method.name.rpartition(".")[2])]))
    return "\n".join(parts)


def _method(function: ast.FunctionDef) -> str:
    lines = inspect.cleandoc(ast.get_docstring(function) or "").splitlines()
    start = next((number for number, line in enumerate(lines) if _ARGUMENT.match(line)), len(lines))
    parts = [f"#### {function.name}\n", f"```py\n{_signature(function)}\n```\n", _paragraphs(lines[:start])]
    arguments: list[str] = []
    for line in lines[start:]:
        if _ARGUMENT.match(line):
            arguments.append(line)
        else:
            arguments[-1] += f" {line.strip()}"
    own = [each for each in arguments if _ARGUMENT.match(each)[1] not in _COMMON]  # type: ignore[index]
    parts.append("".join(_ARGUMENT.sub(r"- `\1`: ", each, count=1) + "\n" for each in own))
    return "\n".join(part for part in parts if part)


def _module(name: str) -> str:
    tree = _tree(name)
    parts = [f"### {name}\n", _paragraphs((ast.get_docstring(tree) or "").splitlines())]
    if name == "lineal.errors":
        return "\n".join(parts)  # the docstring is the tree of all of them
    public = getattr(importlib.import_module(name), "__all__", lineal.__all__)
    for node in (*tree.body, *_defined_elsewhere(tree, public)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in public and not _is_overload(node):
            parts.extend(_described(node))
    return "\n".join(parts)


def _defined_elsewhere(tree: ast.Module, public: Iterable[str]) -> Iterator[ast.stmt]:
    """Yield the definitions of public names that a module imports from a private one."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("lineal._"):
            imported = {each.name for each in node.names} & set(public)
            yield from (each for each in _tree(node.module).body if getattr(each, "name", "") in imported)


def _described(node: ast.stmt) -> Iterator[str]:
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    yield f"#### {node.name}\n"
    if isinstance(node, ast.FunctionDef):
        yield f"```py\n{_signature(node)}\n```\n"
    yield _paragraphs((ast.get_docstring(node) or "").splitlines())
    if isinstance(node, ast.ClassDef):
        for each in node.body:
            is_function = isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and not each.name.startswith("_") and not _is_overload(each):
                yield f"```py\n{_signature(each)}\n```\n\n{_paragraphs((ast.get_docstring(each) or '').splitlines())}"


def _is_overload(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a definition only says to type checkers how a function can be called."""
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return how a function is called, without `self` and what all methods take, on several lines if it is long."""
    arguments = function.args
    returns = f" -> {_annotation(function.returns)}"
    if any(isinstance(each, ast.Name) and each.id == "property" for each in function.decorator_list):
        return f"{function.name}: {_annotation(function.returns)}"
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    parts = [_part(*each) for each in zip(arguments.args, defaults, strict=True) if each[0].arg != "self"]
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    named = [_part(argument, default) for argument, default in keywords if argument.arg not in _COMMON]
    parts += ["*", *named] if named else []
    parts += [f"**{_part(arguments.kwarg, None)}"] if arguments.kwarg else []
    prefix = "async " if isinstance(function, ast.AsyncFunctionDef) else ""
    line = f"{prefix}{function.name}({', '.join(parts)}){returns}"
    if len(line) <= 110:
        return line
    inside = "".join(f"    {part},\n" for part in parts)
    return f"{prefix}{function.name}(\n{inside}){returns}"


def _part(argument: ast.arg, default: ast.expr | None) -> str:
    return f"{argument.arg}: {_annotation(argument.annotation)}" + (
        "" if default is None else f" = {ast.unparse(default)}"
    )


def _annotation(node: ast.expr | None) -> str:
    """Return a type; one that is written as a text, to be read later, without its quotes."""
    assert node is not None, "the client is typed"
    return str(node.value) if isinstance(node, ast.Constant) and node.value is not None else ast.unparse(node)


def _paragraphs(lines: list[str]) -> str:
    """Return a docstring in Markdown: what is indented, and drawings, as they are."""
    text = inspect.cleandoc("\n".join(lines))
    parts = []
    for paragraph in re.split(r"\n\n+", text) if text else []:
        is_code = paragraph.startswith("    ") or "├──" in paragraph
        parts.append(f"```py\n{textwrap.dedent(paragraph)}\n```\n" if is_code else f"{' '.join(paragraph.split())}\n")
    return "\n".join(parts)


def _docstring(place: str, name: str) -> str | None:
    value = getattr(lineal, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return inspect.getdoc(value)
    if place == f"lineal.{name}":
        return ast.get_docstring(_tree(place))
    return _text_after(_tree(place), name)


def _text_after(tree: ast.Module, name: str) -> str | None:
    """Return the text below an assignment to a name."""
    for node, following in zip(tree.body, tree.body[1:], strict=False):
        targets = node.targets if isinstance(node, ast.Assign) else []
        is_name = any(isinstance(each, ast.Name) and each.id == name for each in targets)
        if is_name and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return str(following.value.value)
    return "The version of the package." if name == "__version__" else None


def _tree(name: str) -> ast.Module:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    return ast.parse(pathlib.Path(module.__file__).read_text())


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
